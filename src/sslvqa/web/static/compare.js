// Two videos side by side, played and sought together.

import { View } from "./view.js";
import { comparison } from "./words.js";

export class Compare {
  constructor(jobs, options) {
    this.root = document.createElement("div");
    this.root.className = "comparison";
    const head = document.createElement("p");
    head.className = "verdict-words";
    head.textContent = comparison(jobs[0].result, jobs[1].result);
    const label = document.createElement("label");
    label.className = "inline";
    this.together = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    label.append(this.together, " Play and seek together");
    const pair = document.createElement("div");
    pair.className = "pair";
    this.views = jobs.map((job, index) => new View(job, {
      ...options,
      file: options.fileOf(job),
      onTime: (seconds) => this.#follow(index, seconds),
      onState: (playing) => this.#mirror(index, playing),
    }));
    for (const view of this.views) view.onMap = () => this.#share();
    pair.append(...this.views.map((view) => view.root));
    this.root.append(head, label, pair);
  }

  #follow(index, seconds) {
    const other = this.views?.[1 - index];
    if (!this.together.checked || !other || this.busy) return;
    const offset = seconds - this.views[index].player.begin + other.player.begin;
    const tolerance = this.views[index].player.playing ? 0.15 : 0.5 * other.player.frame;
    if (Math.abs(other.player.time - offset) <= tolerance) return;
    this.busy = true;
    other.player.seek(offset);
    this.busy = false;
  }

  #mirror(index, playing) {
    const other = this.views?.[1 - index];
    if (!this.together.checked || !other || other.player.playing === playing || this.views[index].player.video.ended) return;
    other.player.toggle(playing);
  }

  // Both maps in the same colours for the same scores.
  #share() {
    const maps = this.views.map((view) => view.overlay.map);
    if (!maps.every(Boolean)) return;
    const limits = [Math.min(...maps.map((map) => map.low)), Math.max(...maps.map((map) => map.high))];
    for (const view of this.views) view.shareLimits(limits);
  }

  update(job) { for (const view of this.views) if (view.job.id === job.id) view.update(job); }
  toggle() { this.views[0].toggle(); }
  toggleMap() { for (const view of this.views) view.toggleMap(); }
  goToWorst() { this.views[0].goToWorst(); }
  get player() { return this.views[0].player; }
  close() { for (const view of this.views) view.close(); }
}
