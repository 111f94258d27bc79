// The loop on one page: choose videos, have people rate them, train on the ratings, score with the result.

import * as api from "./api.js";
import { number, plain } from "./format.js";

const POLL_SECONDS = 2;
const $ = (id) => document.getElementById(id);

export class Teach {
  // models(): key → facts. onModel(): there is a new one. onUse(key): score with it. onNote(text): tell the user.
  constructor({ models, onModel, onUse, onNote }) {
    Object.assign(this, { models, onModel, onUse, onNote });
    this.picked = new Set(); // names of videos for the next study
    this.rows = new Map();
    this.seen = ""; // what the list of videos was fetched for
    this.choices = 0; // of the server, that were taken over
    this.lost = false; // whether the note on show is that the server cannot be asked
    this.#wire();
  }

  show() {
    if (this.timer) return;
    this.timer = setInterval(() => this.refresh(), 1000 * POLL_SECONDS);
    this.refresh();
  }

  hide() {
    clearInterval(this.timer);
    this.timer = null;
  }

  async refresh() {
    try {
      this.state = await api.get("/api/teach");
    } catch (error) {
      this.lost = true;
      this.onNote(error.message);
      return;
    }
    if (this.lost) this.onNote("");
    this.lost = false;
    const { choices, studies, ratings, runs } = this.state;
    if (runs.some((run) => run.model && !this.models()[run.model])) await this.onModel();
    const seen = JSON.stringify([choices, studies, ratings]);
    if (seen !== this.seen) await this.#fetchVideos(seen);
    this.#showActivity();
    this.#showStudies();
    this.#showRatings();
    this.#showModels();
    this.#showRuns();
  }

  // --- what the user does

  #wire() {
    this.#form("choose-form", async (form) => {
      await api.post("/api/teach/choose", {
        count: Number(form.get("count")), strategy: form.get("strategy"), model: form.get("model") ?? "served",
        seed: Math.floor(Math.random() * 2 ** 31), // the choice by chance differs from time to time
      });
    });
    this.#form("study-form", async (form) => {
      await api.post("/api/teach/studies", studyRequest(form, this.state.method, this.#rated()));
      this.picked.clear();
      for (const select of $("study-form").querySelectorAll(".anchors")) select.value = "";
    });
    this.#form("ratings-form", (form) => api.post("/api/teach/ratings", { leave_out_flagged: form.has("flagged") }));
    this.#form("train-form", (form) => api.post("/api/teach/runs", {
      model: form.get("model"), epochs: form.get("epochs") ? Number(form.get("epochs")) : null,
    }));
    $("choose-form").elements.strategy.addEventListener("change", (event) => { $("choose-model").hidden = event.target.value === "random"; });
    $("choose-cancel").addEventListener("click", () => this.#attempt(() => api.post("/api/teach/cancel")));
    $("study-form").addEventListener("change", () => this.#showPicked());
    $("pick-none").addEventListener("click", () => { this.picked.clear(); this.#showPicked(); });
    $("teach-videos").tBodies[0].addEventListener("change", (event) => {
      const { name, checked } = event.target;
      if (checked) this.picked.add(name); else this.picked.delete(name);
      this.#showPicked();
    });
  }

  #form(id, send) {
    $(id).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#attempt(() => send(new FormData($(id))));
    });
  }

  async #attempt(action) {
    try {
      this.lost = false;
      this.onNote("");
      await action();
    } catch (error) {
      this.onNote(error.message);
    }
    await this.refresh();
  }

  // --- what is shown

  async #fetchVideos(seen) {
    const { videos } = await api.get("/api/teach/videos");
    this.seen = seen;
    if (this.state.choices !== this.choices) {
      this.choices = this.state.choices;
      this.picked = new Set(videos.filter((video) => video.rank).map((video) => video.name));
    }
    videos.sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity) || a.name.localeCompare(b.name, undefined, { numeric: true }));
    $("teach-videos").tBodies[0].replaceChildren(...videos.map((video) => this.#row(video)));
    $("teach-none").hidden = videos.length > 0;
    for (const select of $("study-form").querySelectorAll(".anchors")) {
      const before = select.value;
      select.replaceChildren(new Option("none", ""), ...videos.map(({ name }) => new Option(name)));
      select.value = videos.some(({ name }) => name === before) ? before : "";
    }
    this.#showPicked();
  }

  #row(video) {
    const row = document.createElement("tr");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", name: video.name, ariaLabel: `Rate ${video.name}` });
    row.append(cell(box));
    for (const [text, kind] of [
      [video.name, "name"], [number(video.predicted), "num wide"], [number(video.doubt), "num wide"],
      [video.study ? String(video.votes) : "–", "num"], [number(video.rating), video.rating === null ? "num" : "num score"],
    ]) row.append(cell(text, kind));
    row.title = video.study ? `${video.name}: asked in ${video.study}` : video.name;
    return row;
  }

  #showPicked() {
    for (const box of $("teach-videos").querySelectorAll("input")) box.checked = this.picked.has(box.name);
    const count = this.#rated().length;
    $("make-study").disabled = count === 0;
    $("make-study").textContent = count ? `Make a study of ${count}` : "Make a study";
    $("pick-none").disabled = this.picked.size === 0;
  }

  // The picked videos that are no anchors.
  #rated() {
    const anchors = [...$("study-form").querySelectorAll(".anchors")].map((select) => select.value);
    return [...this.picked].filter((name) => !anchors.includes(name));
  }

  #showActivity() {
    const active = this.state.activity;
    const choosing = active?.kind === "choosing" && !active.ended;
    $("choose-cancel").hidden = !choosing;
    $("choose-progress").hidden = !choosing;
    $("choose-progress").max = active?.total || 1;
    $("choose-progress").value = active?.done ?? 0;
    let text = "";
    if (choosing && active.total) text = `Looking at video ${active.done + 1} of ${active.total}`;
    else if (active?.kind === "choosing") text = [active.error, failedText(active.failed)].filter(Boolean).join(" · ");
    $("choose-state").textContent = text;
    for (const id of ["choose-button", "train-button"]) $(id).disabled = Boolean(active && !active.ended);
    $("train-button").disabled ||= !this.state.can_train || !this.state.ratings;
    $("no-pristine").hidden = this.state.can_train;
  }

  #showStudies() {
    const { studies, method } = this.state;
    const select = $("study-form").elements.method;
    select.disabled = studies.length > 0;
    select.title = studies.length ? "All studies of a folder ask alike" : "";
    if (method) select.value = method;
    keep($("studies"), studies.map((study) => [study.name, () => newStudy(study), (item) => {
      item.querySelector("progress").max = study.questions;
      item.querySelector("progress").value = study.votes / Math.max(study.persons, 1);
      item.querySelector(".votes").textContent = study.votes
        ? `${study.votes} ${study.method === "pair" ? "comparisons" : "votes"} by ${people(study.persons)} on ${study.videos} videos; no video has fewer than ${study.fewest}.`
        : `No votes yet on ${study.videos} videos.`;
      item.querySelector(".flagged").textContent = Object.entries(study.flagged).map(([who, why]) => `${who}: ${why.join("; ")}`).join(" · ");
    }]));
    $("no-study").hidden = studies.length > 0;
  }

  #showRatings() {
    const { ratings, studies } = this.state;
    $("rate-button").disabled = !studies.some((study) => study.votes);
    $("ratings-words").textContent = ratings ? ratingsText(ratings) : "";
    $("ratings-file").hidden = !ratings;
  }

  #showModels() {
    for (const select of document.querySelectorAll(".model-options")) {
      const keys = Object.keys(this.models());
      if ([...select.options].map((option) => option.value).join() === keys.join()) continue;
      const before = select.value;
      select.replaceChildren(...keys.map((key) => new Option(modelName(key, this.models()), key)));
      select.value = keys.includes(before) ? before : "served";
    }
  }

  #showRuns() {
    const { runs, activity } = this.state;
    keep($("runs"), runs.map((run) => [run.name, () => this.#newRun(run), (item) => {
      const bar = item.querySelector("progress");
      bar.hidden = run.state === "done";
      if (run.steps) { bar.max = run.steps; bar.value = run.step; } else bar.removeAttribute("value");
      if (run.state !== "running" && !run.steps) { bar.max = 1; bar.value = 0; }
      item.querySelector(".run-state").textContent = runText(run, activity);
      const [stop, resume, use] = item.querySelectorAll("button");
      stop.hidden = run.state !== "running";
      stop.textContent = activity?.stopping ? "Stop at once" : "Stop";
      resume.hidden = !["stopped", "failed"].includes(run.state);
      resume.disabled = Boolean(activity && !activity.ended);
      use.hidden = !run.model;
      item.querySelector("svg").replaceChildren(...curve(run.losses));
    }]));
  }

  #newRun(run) {
    const item = document.createElement("li");
    const head = Object.assign(document.createElement("b"), { textContent: run.name });
    const chart = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    chart.setAttribute("viewBox", "0 0 120 30");
    chart.setAttribute("preserveAspectRatio", "none");
    chart.setAttribute("class", "curve");
    chart.setAttribute("role", "img");
    chart.setAttribute("aria-label", "Loss over the run; lower is better");
    const bar = Object.assign(document.createElement("progress"), { ariaLabel: `Progress of ${run.name}` });
    item.append(head, Object.assign(document.createElement("span"), { className: "run-state" }), bar, chart, buttons(
      ["Stop", () => this.#attempt(() => api.post("/api/teach/cancel"))],
      ["Resume", () => this.#attempt(() => api.post(`/api/teach/runs/${run.name}/resume`))],
      ["Score with this model", () => this.onUse(run.name), "primary"],
    ));
    return item;
  }
}

// What a list of models calls one of them.
export function modelName(key, models) {
  return key === "served" ? models[key].model : `${models[key].model} (${key})`;
}

// --- small things

// Keep a list's items while they are the same, so that focus and selection survive a refresh.
function keep(list, wanted) {
  for (const item of [...list.children]) if (!wanted.some(([name]) => name === item.dataset.name)) item.remove();
  for (const [name, make, fill] of wanted) {
    let item = [...list.children].find((other) => other.dataset.name === name);
    if (!item) {
      item = make();
      item.dataset.name = name;
      list.prepend(item); // the newest first
    }
    fill(item);
  }
}

function newStudy(study) {
  const item = document.createElement("li");
  const address = new URL(study.invitation, location.origin).href;
  const head = document.createElement("p");
  const title = Object.assign(document.createElement("b"), { textContent: study.title });
  head.append(title, ` ${study.name}`);
  const link = Object.assign(document.createElement("input"), { readOnly: true, value: address, ariaLabel: `Invitation to ${study.title}` });
  const open = Object.assign(document.createElement("a"), { className: "button", href: address, target: "_blank", rel: "noopener", textContent: "Open" });
  const line = Object.assign(document.createElement("p"), { className: "invitation" });
  const copy = Object.assign(document.createElement("button"), { type: "button", textContent: "Copy" });
  copy.addEventListener("click", async () => {
    link.select();
    try { await navigator.clipboard.writeText(address); copy.textContent = "Copied"; } catch { copy.textContent = "Press Ctrl+C"; }
  });
  const votes = Object.assign(document.createElement("a"), {
    className: "button", href: `/api/teach/studies/${study.name}/votes.csv`, download: "", textContent: "Votes (CSV)",
  });
  line.append(link, copy, open, votes);
  const bar = Object.assign(document.createElement("progress"), { ariaLabel: `Votes of ${study.title}` });
  item.append(head, line, bar, paragraph("votes"), paragraph("flagged error"));
  return item;
}

function paragraph(kind) {
  return Object.assign(document.createElement("p"), { className: `small ${kind}` });
}

function buttons(...items) {
  const row = Object.assign(document.createElement("span"), { className: "run-buttons" });
  for (const [textContent, action, className = ""] of items) {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent, className });
    made.addEventListener("click", action);
    row.append(made);
  }
  return row;
}

function cell(content, kind = "") {
  const made = Object.assign(document.createElement("td"), { className: kind });
  made.append(content);
  return made;
}

function people(count) {
  return count === 1 ? "1 person" : `${count} persons`;
}

// failed: name → reason.
function failedText(failed) {
  const names = Object.keys(failed);
  if (!names.length) return "";
  const rest = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return `Could not be read and were left out: ${names.slice(0, 3).join(", ")}${rest}. ${failed[names[0]]}.`;
}

function studyRequest(form, method, videos) {
  const count = (name) => (form.get(name) === "" ? null : Number(form.get(name)));
  const anchors = (name) => [form.get(name)].filter(Boolean);
  return {
    videos, title: form.get("title"), method: method ?? form.get("method"), instructions: form.get("instructions"),
    high: anchors("high"), low: anchors("low"), repeats: count("repeats"), training: count("training"),
    per_person: count("per_person"), break_every: count("break_every"),
  };
}

function ratingsText(report) {
  const pairs = report.method === "bradley_terry";
  const parts = [pairs
    ? `${report.videos} videos rated from ${report.votes} comparisons, on ${report.scale.join(" to ")}: of two videos 1 apart the better one is preferred in 73 %.`
    : `${report.videos} videos rated from ${report.votes} votes, on ${report.scale.join(" to ")}.`];
  if (report.mean_std_error !== null) parts.push(`Standard error of a rating: ${number(report.mean_std_error)} on average.`);
  if (report.split_half) parts.push(`Two halves of the raters agree with SROCC ${number(report.split_half.srocc)}.`);
  if (report.raters.length === 1 && !pairs) parts.push("One rater: the ratings are that person's votes.");
  return [...parts, ...report.warnings.map((text) => `Note: ${text}.`)].join(" ");
}

function runText(run, activity) {
  const steps = run.steps ? `step ${run.step} of ${run.steps}` : "";
  if (run.state === "done") return `done, ${plain(run.step)} steps`;
  if (run.state === "failed") return `failed: ${run.error}`;
  if (run.state === "stopped") return steps ? `stopped at ${steps}` : "stopped";
  if (activity?.stopping) return `stopping after ${steps || "reading"}`;
  if (!run.steps) return "reading the videos";
  return run.step === run.steps ? "calibrating" : steps;
}

// The loss as a line in a box of 120 by 30.
function curve(losses) {
  if (losses.length < 2) return [];
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const points = losses.map((loss, at) => `${(120 * at) / (losses.length - 1)},${28 - (26 * (loss - low)) / (high - low || 1)}`);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  line.setAttribute("points", points.join(" "));
  return [line];
}
