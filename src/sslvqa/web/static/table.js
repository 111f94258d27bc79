// The table of videos: sorts, filters, selects. Rows are kept and changed, so 1000 of them stay quick.

import { clock, interval, number } from "./format.js";
import { grade } from "./words.js";

const STATES = { queued: "waiting", running: "running", done: "scored", failed: "failed", cancelled: "cancelled", uploading: "uploading" };

export class Table {
  constructor(table, { info, onOpen, onCancel, onRemove, onSelect }) {
    Object.assign(this, { info, onOpen, onCancel, onRemove, onSelect });
    this.table = table;
    this.body = table.tBodies[0];
    this.jobs = new Map();
    this.rows = new Map();
    this.selected = new Set();
    this.key = "created";
    this.down = true;
    this.filter = { text: "", state: "", most: Infinity };
    for (const head of table.querySelectorAll("th[data-key]")) {
      head.querySelector("button").addEventListener("click", () => this.sortBy(head.dataset.key));
    }
    this.body.addEventListener("click", (event) => this.#clicked(event));
    this.body.addEventListener("keydown", (event) => this.#key(event));
    this.#heads();
  }

  set(job) {
    this.jobs.set(job.id, job);
    if (!this.rows.has(job.id)) this.rows.set(job.id, newRow(job.id));
    this.#fill(this.rows.get(job.id), job);
    this.#later();
  }

  delete(id) {
    this.jobs.delete(id);
    this.rows.get(id)?.remove();
    this.rows.delete(id);
    if (this.selected.delete(id)) this.onSelect([...this.selected]);
    this.#later();
  }

  setFilter(filter) {
    Object.assign(this.filter, filter);
    this.#later();
  }

  sortBy(key) {
    this.down = key === this.key ? !this.down : ["duration_seconds", "created"].includes(key); // worst and A first
    this.key = key;
    this.#heads();
    this.#later();
  }

  open(id) {
    for (const [other, row] of this.rows) row.setAttribute("aria-current", String(other === id));
    this.current = id;
  }

  // Ids in the order on show.
  shown() {
    const { text, state, most } = this.filter;
    const words = text.toLowerCase();
    const kept = [...this.jobs.values()].filter((job) =>
      job.name.toLowerCase().includes(words) && matches(job.state, state) && (most === Infinity || (job.score ?? Infinity) <= most));
    const sign = this.down ? -1 : 1;
    return kept.sort((a, b) => compareValues(valueOf(a, this.key), valueOf(b, this.key), sign) || compareValues(a.created, b.created, -1))
      .map((job) => job.id);
  }

  #later() {
    if (this.planned) return;
    this.planned = true;
    requestAnimationFrame(() => { this.planned = false; this.#arrange(); });
  }

  #arrange() {
    const wanted = this.shown().map((id) => this.rows.get(id));
    const there = [...this.body.rows];
    if (wanted.length !== there.length || wanted.some((row, index) => row !== there[index])) {
      const focused = document.activeElement;
      this.body.replaceChildren(...wanted);
      if (this.body.contains(focused)) focused.focus({ preventScroll: true });
    }
    this.onArranged?.(wanted.length, this.jobs.size);
  }

  #heads() {
    for (const head of this.table.querySelectorAll("th[data-key]")) {
      const active = head.dataset.key === this.key;
      head.setAttribute("aria-sort", active ? (this.down ? "descending" : "ascending") : "none");
    }
  }

  #fill(row, job) {
    const [select, name, score, range, worst, length, state, actions] = row.cells;
    const open = name.firstElementChild;
    open.textContent = job.name;
    open.disabled = job.state !== "done";
    open.title = job.name;
    select.firstElementChild.setAttribute("aria-label", `Select ${job.name}`);
    select.firstElementChild.disabled = job.state !== "done";
    score.textContent = job.state === "done" ? number(job.score) : "";
    score.title = job.state === "done" ? grade(job.score, this.info(job)) : "";
    range.textContent = job.state === "done" ? interval(job.low, job.high) : "";
    worst.textContent = job.worst ? `${number(job.worst.score)} at ${clock(job.worst.start_seconds)}` : "";
    length.textContent = job.duration_seconds ? clock(job.duration_seconds) : "";
    showState(state, job);
    if (job.state === "done" && job.model !== "served") state.textContent = `scored by ${this.info(job).model}`;
    const active = isActive(job);
    const button = actions.firstElementChild;
    button.textContent = active ? "■" : "✕";
    button.className = active ? "cancel" : "remove";
    button.setAttribute("aria-label", `${active ? "Cancel" : "Remove"} ${job.name}`);
    button.title = active ? "Cancel" : "Remove";
    row.dataset.state = job.state;
  }

  #clicked(event) {
    const id = event.target.closest("tr")?.dataset.id;
    const job = this.jobs.get(id);
    if (!job) return;
    if (event.target.type === "checkbox") this.#select(id, event.target.checked);
    else if (event.target.className === "cancel") this.onCancel(job);
    else if (event.target.className === "remove") this.onRemove(job);
    else if (job.state === "done") this.onOpen(job);
  }

  #select(id, chosen) {
    if (chosen) this.selected.add(id);
    else this.selected.delete(id);
    this.onSelect([...this.selected]);
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const rows = [...this.body.rows];
    const next = rows[rows.indexOf(event.target.closest("tr")) + step];
    if (!next) return;
    event.preventDefault();
    next.querySelector("button.open:not(:disabled), button.cancel, button.remove").focus();
  }
}

export function isActive(job) {
  return ["queued", "running", "uploading"].includes(job.state);
}

function matches(state, wanted) {
  if (wanted === "active") return isActive({ state });
  if (wanted === "failed") return state === "failed" || state === "cancelled";
  return !wanted || state === wanted;
}

function valueOf(job, key) {
  if (key === "worst") return job.worst?.score;
  return key === "name" ? job.name.toLowerCase() : job[key];
}

// Missing values come last, whatever the direction.
function compareValues(a, b, sign) {
  if (a === b) return 0;
  if (a === undefined || a === null) return 1;
  if (b === undefined || b === null) return -1;
  return sign * (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
}

function newRow(id) {
  const row = document.createElement("tr");
  row.dataset.id = id;
  const kinds = ["", "name", "num score", "num wide", "num wide", "num wide", "state", "actions"];
  for (const kind of kinds) row.insertCell().className = kind;
  row.cells[0].append(Object.assign(document.createElement("input"), { type: "checkbox" }));
  row.cells[1].append(Object.assign(document.createElement("button"), { type: "button", className: "open" }));
  row.cells[7].append(Object.assign(document.createElement("button"), { type: "button" }));
  return row;
}

function showState(cell, job) {
  if (job.state === "running" || job.state === "uploading") {
    let bar = cell.querySelector("progress");
    if (!bar) {
      bar = document.createElement("progress");
      cell.replaceChildren(bar, Object.assign(document.createElement("span"), { className: "small" }));
    }
    const stage = job.state === "uploading" ? (job.stage || "uploading") : job.stage || "running";
    bar.value = job.progress;
    bar.setAttribute("aria-label", `${job.name}: ${stage}`);
    cell.lastElementChild.textContent = stage;
    return;
  }
  const reason = (job.error ?? "").replace(`${job.name}: `, "");
  const note = job.state === "failed" ? `failed: ${reason}` : STATES[job.state];
  const warned = job.state === "done" && job.warnings ? ` (${job.warnings} note${job.warnings > 1 ? "s" : ""})` : "";
  cell.replaceChildren(Object.assign(document.createElement("span"), { className: "clamp", textContent: note + warned }));
  cell.title = job.error ?? "";
}
