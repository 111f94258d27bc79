// The score over time, under the player: click or use the arrow keys to go there.

import { clock, interval, number, percent } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const [LEFT, RIGHT, TOP, BOTTOM, HEIGHT] = [38, 8, 8, 22, 132];

function element(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (parent) parent.append(made);
  return made;
}

export class Timeline {
  // onSeek(seconds) is called with a presentation time of the video.
  constructor(root, onSeek) {
    this.root = root;
    this.onSeek = onSeek;
    this.time = 0;
    this.svg = element("svg", { class: "chart", height: HEIGHT, role: "slider", tabindex: 0 }, null);
    this.note = document.createElement("p");
    this.note.className = "small note";
    root.replaceChildren(this.svg, this.note);
    this.svg.addEventListener("pointerdown", (event) => this.#point(event, true));
    this.svg.addEventListener("pointermove", (event) => this.#point(event, event.buttons === 1));
    this.svg.addEventListener("pointerleave", () => this.#tell(this.time));
    this.svg.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.draw()).observe(root);
  }

  show(result, info) {
    this.result = result;
    this.info = info;
    this.items = result.timeline;
    this.begin = this.items[0].start_seconds;
    this.hasDistance = result.q_d !== null;
    this.end = Math.max(this.items.at(-1).end_seconds, this.begin + 0.001);
    const raw = result.provenance.combine !== "calibrated";
    const scores = this.items.flatMap((item) => [item.score, item.q_r, item.q_d]).filter((score) => score !== null);
    this.low = raw ? Math.min(...scores) : info.scale_minimum;
    this.high = raw ? Math.max(...scores, this.low + 1e-6) : info.scale_maximum;
    this.draw();
    this.setTime(this.begin);
  }

  x(seconds) {
    return LEFT + ((seconds - this.begin) / (this.end - this.begin)) * (this.width - LEFT - RIGHT);
  }

  y(score) {
    const share = Math.min(1, Math.max(0, (score - this.low) / (this.high - this.low)));
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
  }

  draw() {
    if (!this.items) return;
    this.width = Math.max(160, this.root.clientWidth);
    this.svg.setAttribute("width", this.width);
    this.svg.replaceChildren();
    this.#grid();
    this.#band();
    this.#worst();
    const base = HEIGHT - BOTTOM;
    const path = this.#steps("score");
    element("path", { class: "line q-r", d: this.#steps("q_r") }, this.svg);
    if (this.hasDistance) element("path", { class: "line q-d", d: this.#steps("q_d") }, this.svg);
    element("path", { class: "line score", d: path }, this.svg);
    this.cursor = element("line", { class: "cursor", y1: TOP, y2: base }, this.svg);
    this.setTime(this.time);
  }

  #grid() {
    for (const share of [0, 0.2, 0.4, 0.6, 0.8, 1]) {
      const [score, y] = [this.low + share * (this.high - this.low), this.y(this.low + share * (this.high - this.low))];
      element("line", { class: "rule", x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y }, this.svg);
      const text = element("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, this.svg);
      text.textContent = Math.abs(this.high) >= 10 ? Math.round(score) : number(score);
    }
    const ticks = Math.max(1, Math.min(10, Math.floor((this.width - LEFT) / 90)));
    for (let index = 0; index <= ticks; index += 1) {
      const seconds = this.begin + (index / ticks) * (this.end - this.begin);
      const anchor = index === 0 ? "start" : index === ticks ? "end" : "middle";
      const text = element("text", { x: this.x(seconds), y: HEIGHT - 6, "text-anchor": anchor }, this.svg);
      text.textContent = clock(seconds);
    }
  }

  // The interval of every stretch, as one shape.
  #band() {
    if (!this.items.every((item) => item.interval)) return;
    const corner = (seconds, score) => `${this.x(seconds)} ${this.y(score)}`;
    const there = this.items.flatMap(({ start_seconds, end_seconds, interval }) =>
      [corner(start_seconds, interval.high), corner(end_seconds, interval.high)]);
    const back = this.items.toReversed().flatMap(({ start_seconds, end_seconds, interval }) =>
      [corner(end_seconds, interval.low), corner(start_seconds, interval.low)]);
    element("path", { class: "band", d: `M${[...there, ...back].join("L")}Z` }, this.svg);
  }

  #worst() {
    const worst = this.result.worst;
    if (this.items.length < 2) return;
    const [left, right] = [this.x(worst.start_seconds), this.x(worst.end_seconds)];
    element("rect", { class: "worst", x: left, y: HEIGHT - BOTTOM - 5, width: Math.max(3, right - left), height: 5 }, this.svg);
  }

  #steps(field) {
    const parts = this.items.map((item, index) => {
      const start = `${index ? "L" : "M"}${this.x(item.start_seconds)} ${this.y(item[field])}`;
      return `${start}H${this.x(item.end_seconds)}`;
    });
    return parts.join("");
  }

  at(seconds) {
    let found = this.items[0];
    for (const item of this.items) if (item.start_seconds <= seconds + 1e-6) found = item;
    return found;
  }

  setTime(seconds) {
    this.time = seconds;
    if (!this.items || !this.cursor) return;
    const x = this.x(Math.min(this.end, Math.max(this.begin, seconds)));
    this.cursor.setAttribute("x1", x);
    this.cursor.setAttribute("x2", x);
    this.#tell(seconds);
    const attributes = {
      "aria-label": "Timeline", "aria-valuemin": this.begin, "aria-valuemax": this.end,
      "aria-valuenow": seconds.toFixed(2), "aria-valuetext": `${clock(seconds)}, score ${scoreText(this.at(seconds))}`,
    };
    for (const [key, value] of Object.entries(attributes)) this.svg.setAttribute(key, value);
  }

  #tell(seconds) {
    if (!this.items) return;
    const item = this.at(seconds);
    const span = `${clock(item.start_seconds)}–${clock(item.end_seconds)}`;
    this.note.replaceChildren(
      swatch("score", `score ${scoreText(item)}`), swatch("q-r", `Q_R ${number(item.q_r)}`),
      this.hasDistance ? swatch("q-d", `Q_D ${number(item.q_d)}`) : "", ` at ${span}`,
      item.interval ? ` · shaded: ${percent(item.interval.coverage)} intervals` : "",
    );
  }

  #point(event, seek) {
    const left = this.svg.getBoundingClientRect().left;
    const share = (event.clientX - left - LEFT) / (this.width - LEFT - RIGHT);
    const seconds = this.begin + Math.min(1, Math.max(0, share)) * (this.end - this.begin);
    this.#tell(seconds);
    if (seek) this.onSeek(seconds);
  }

  #key(event) {
    const item = this.at(this.time);
    const index = this.items.indexOf(item);
    const goals = {
      ArrowLeft: this.items[Math.max(0, index - 1)].start_seconds,
      ArrowRight: this.items[Math.min(this.items.length - 1, index + 1)].start_seconds,
      Home: this.begin,
      End: this.items.at(-1).start_seconds,
    };
    if (!(event.key in goals)) return;
    event.preventDefault();
    event.stopPropagation();
    this.onSeek(goals[event.key]);
  }
}

function scoreText(item) {
  return item.interval ? `${number(item.score)} (${interval(item.interval.low, item.interval.high)})` : number(item.score);
}

function swatch(kind, text) {
  const made = document.createElement("span");
  made.className = `swatch ${kind}`;
  made.textContent = text;
  return made;
}
