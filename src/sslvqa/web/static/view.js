// One video's result: player, map, timeline, numbers. Used alone and twice for a comparison.

import * as api from "./api.js";
import { bytes, clock, number, percent } from "./format.js";
import { Overlay } from "./overlay.js";
import { Player } from "./player.js";
import { Timeline } from "./timeline.js";
import { grade, meaning, momentText, scaleName } from "./words.js";
import { exportView, fileName, save } from "./export.js";

const TERMS = {
  q_r: ["Q_R", "quality that the regression model sees"],
  q_d: ["Q_D", "quality by the distance from pristine videos"],
  disagreement: ["|Q_R − Q_D|", "how far the two differ"],
  spread: ["Spread", "standard deviation over clips and draws"],
};

export class View {
  // job: with its result. file: the user's own File, if this page added it. onTime(seconds): after every move.
  constructor(job, { infoOf, file, onTime = () => {}, onState = () => {}, onNote = () => {} }) {
    this.job = job;
    this.info = infoOf(job);
    this.result = job.result;
    this.onNote = onNote;
    this.onTime = onTime;
    this.onState = onState;
    this.file = file;
    this.root = document.getElementById("view").content.firstElementChild.cloneNode(true);
    this.overlay = new Overlay(this.$(".map"), this.info.palettes);
    this.timeline = new Timeline(this.$(".timeline"), (seconds) => this.player.seek(seconds));
    this.#fill();
    this.#wire();
    this.#startPlayer();
    this.update(job);
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  #fill() {
    const { result, info, job } = this;
    const video = result.video;
    this.$("h2").textContent = job.name;
    this.$(".facts").textContent = [
      `${video.width_px}×${video.height_px}`, `${number(video.fps)} fps`, clock(video.duration_seconds),
      `${video.codec} in ${video.container}`, bytes(job.size_bytes),
    ].join(" · ");
    this.$(".value b").textContent = number(result.score);
    this.$(".value span").textContent = ` ${scaleName(info)}`;
    this.$(".words").textContent = meaning(result, info).join(" ");
    this.$(".gauge").replaceChildren(gauge(result, info));
    const worst = result.worst;
    this.$(".worst").replaceChildren("Worst moment: ", button(momentText(worst), () => this.goToWorst(), "link"));
    this.$(".warnings").replaceChildren(...result.warnings.map((text) => listItem(`Note: ${text}`)));
    const interval = result.interval;
    const rows = Object.entries(TERMS).map(([key, [name, title]]) => [name, number(result[key]), title]);
    if (interval) {
      rows.unshift([`${percent(interval.coverage)} interval`, `${number(interval.low)}–${number(interval.high)}`,
        "holds the label of a video like the calibration videos with this probability"]);
    }
    this.$(".numbers").replaceChildren(...rows.flatMap(definition));
    this.$(".technical dl").replaceChildren(...facts(video));
    this.$(".provenance dl").replaceChildren(...facts(result.provenance));
    const stage = this.$(".stage");
    stage.style.aspectRatio = `${video.width_px} / ${video.height_px}`;
    stage.style.maxWidth = `calc(62vh * ${video.width_px / video.height_px})`;
    this.timeline.show(result, info);
  }

  #wire() {
    this.$(".play").addEventListener("click", () => this.toggle());
    this.$(".back").addEventListener("click", () => this.player.step(-1));
    this.$(".forward").addEventListener("click", () => this.player.step(1));
    this.$(".stage").addEventListener("click", (event) => {
      if (!event.target.closest("button")) this.toggle();
    });
    this.$(".show-map").addEventListener("change", () => this.#mapSwitched());
    this.$(".strength").addEventListener("input", () => this.#restyle());
    this.$(".palette").addEventListener("change", () => this.#restyle());
    this.$(".range").addEventListener("change", () => this.#restyle());
    this.$(".convert").addEventListener("click", () => this.#ask("preview"));
    this.$(".film").addEventListener("click", () => this.#makeFilm());
    this.root.addEventListener("click", (event) => {
      const kind = event.target.dataset?.export;
      if (kind) exportView(this, kind);
    });
  }

  #startPlayer() {
    const times = this.result.timeline;
    this.player = new Player(this.$("video"), {
      begin: times[0].start_seconds,
      end: times.at(-1).end_seconds,
      fps: this.result.video.fps,
      onTime: (seconds) => this.#moved(seconds),
      onState: (playing) => this.#playing(playing),
      onCannot: () => this.#cannotPlay(),
    });
    if (this.file) this.player.load(URL.createObjectURL(this.file), { local: true });
    else if (this.job.media) this.player.load(`/api/jobs/${this.job.id}/media`);
    else this.#cannotPlay();
  }

  #moved(seconds) {
    this.$(".clock").textContent = clock(seconds);
    this.timeline.setTime(seconds);
    this.overlay.draw(seconds);
    this.onTime(seconds);
  }

  #playing(playing) {
    this.$(".play").textContent = playing ? "❚❚" : "▶";
    this.$(".play").setAttribute("aria-label", playing ? "Pause" : "Play");
    this.onState(playing);
  }

  #cannotPlay() {
    if (this.job.preview.state === "ready" && this.player && !this.previewTried) {
      this.previewTried = true;
      this.player.load(`/api/jobs/${this.job.id}/preview`);
      return;
    }
    this.$(".cover").hidden = false;
    this.#cover();
  }

  #cover() {
    const { preview, media } = this.job;
    const video = this.result.video;
    const texts = {
      waiting: "The preview waits for its turn…",
      running: `Making the preview: ${percent(preview.progress)}`,
      failed: `No preview: ${preview.error}`,
    };
    const gone = "The video was deleted from the server. Add it again to play it.";
    const cannot = `This browser cannot play ${video.codec} in ${video.container}. Score, timeline and map are complete.`;
    this.$(".cover p").textContent = texts[preview.state] ?? (media ? cannot : gone);
    this.$(".convert").hidden = !media || ["waiting", "running"].includes(preview.state);
    for (const name of ["play", "back", "forward"]) this.$(`.${name}`).disabled = !this.player?.works;
  }

  // New facts of the job from the server.
  update(job) {
    this.job = { ...this.job, ...job };
    const { map, preview } = this.job;
    const texts = { waiting: "waiting…", running: `measuring ${percent(map.progress)}`, failed: map.error, gone: "" };
    this.$(".map-state").textContent = this.mapWanted ? (texts[map.state] ?? "") : "";
    if (map.state === "ready" && this.mapWanted && !this.overlay.map) this.#fetchMap();
    if (!this.$(".cover").hidden) {
      if (preview.state === "ready" && !this.previewTried) this.#tryPreview();
      else this.#cover();
    }
  }

  #tryPreview() {
    this.previewTried = true;
    this.player.load(`/api/jobs/${this.job.id}/preview`);
    this.$("video").addEventListener("loadedmetadata", () => {
      this.$(".cover").hidden = true;
      for (const name of ["play", "back", "forward"]) this.$(`.${name}`).disabled = false;
    }, { once: true });
  }

  // The map over the whole video as a file, drawn as it is shown.
  async #makeFilm() {
    const [made, url] = [this.$(".film"), `/api/jobs/${this.job.id}`];
    const style = { strength: this.overlay.strength, palette: this.overlay.palette, range: this.$(".range").value };
    made.disabled = true;
    try {
      let film = (await api.post(`${url}/map/video`, style)).map_video;
      while (["waiting", "running"].includes(film.state)) {
        made.textContent = `Map MP4: ${film.state === "running" ? percent(film.progress) : "waiting"}`;
        await new Promise((resolve) => setTimeout(resolve, 300));
        film = (await api.get(url)).map_video;
      }
      if (film.state === "ready") save(`${url}/map.mp4`, fileName(this.job.name, "map.mp4"));
      else if (film.error) this.onNote(film.error);
    } catch (error) {
      this.onNote(error.message);
    }
    made.textContent = "Map MP4";
    made.disabled = false;
  }

  async #ask(kind) {
    try {
      this.update(await api.post(`/api/jobs/${this.job.id}/${kind}`));
    } catch (error) {
      this.onNote(error.message);
      if (kind === "map") this.$(".map-state").textContent = error.message;
    }
  }

  #mapSwitched() {
    this.mapWanted = this.$(".show-map").checked;
    if (this.mapWanted && !this.overlay.map) {
      if (this.job.map.state === "ready") this.#fetchMap();
      else this.#ask("map");
    }
    this.#showMap();
  }

  async #fetchMap() {
    if (this.fetching) return;
    this.fetching = true;
    try {
      this.overlay.setMap(await api.get(`/api/jobs/${this.job.id}/map`));
      this.$(".map-state").textContent = "";
      const strip = this.$(".strip");
      Object.assign(strip, { hidden: false, href: `/api/jobs/${this.job.id}/map.png`, download: fileName(this.job.name, "map.png") });
      this.$(".film").hidden = false;
      this.#showMap();
    } catch (error) {
      this.$(".map-state").textContent = error.message;
    } finally {
      this.fetching = false;
    }
  }

  #showMap() {
    const shown = Boolean(this.mapWanted && this.overlay.map);
    this.$(".map").hidden = !shown;
    this.root.classList.toggle("with-map", shown);
    if (shown) this.#restyle();
  }

  #restyle() {
    if (!this.overlay.map) return;
    const { info, overlay } = this;
    overlay.strength = Number(this.$(".strength").value);
    overlay.palette = this.$(".palette").value;
    const whole = this.$(".range").value === "scale";
    overlay.limits = whole ? [info.scale_minimum, info.scale_maximum] : this.sharedLimits ?? null;
    overlay.drawLegend(this.$(".legend canvas"));
    const [low, high] = overlay.range();
    this.$(".legend .low").textContent = number(low);
    this.$(".legend .high").textContent = number(high);
    this.$(".legend .label").textContent =
      `${overlay.map.label}, higher is better; ${measured(overlay.map.coverage)}`;
    overlay.draw(this.player.time);
    this.onMap?.();
  }

  // Draw the map between given scores, so that two videos can be compared.
  shareLimits(limits) {
    if (JSON.stringify(limits) === JSON.stringify(this.sharedLimits)) return;
    this.sharedLimits = limits;
    this.#restyle();
  }

  toggle() { this.player.toggle(); }
  toggleMap() { this.$(".show-map").click(); }
  goToWorst() { this.player.seek(this.result.worst.start_seconds); }
  close() { this.player.close(); }
}

function measured(coverage) {
  return coverage > 0.999 ? "every pixel measured" : `${percent(coverage)} of the pixels measured, the rest interpolated`;
}

function button(text, action, kind = "") {
  const made = document.createElement("button");
  made.type = "button";
  made.className = kind;
  made.textContent = text;
  made.addEventListener("click", action);
  return made;
}

function listItem(text) {
  const made = document.createElement("li");
  made.textContent = text;
  return made;
}

function facts(values) {
  return Object.entries(values).flatMap(([key, value]) => definition([key.replaceAll("_", " "), value]));
}

function definition([name, value, title]) {
  const [term, text] = [document.createElement("dt"), document.createElement("dd")];
  term.textContent = name;
  text.textContent = value === null ? "–" : Array.isArray(value) ? value.join(", ") : String(value);
  if (title) term.title = title;
  return [term, text];
}

// The scale as a bar: fifths, the interval, the score.
function gauge(result, info) {
  const made = document.createElement("div");
  made.className = "bar";
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", `${number(result.score)} on a scale from ${number(info.scale_minimum)} to ${number(info.scale_maximum)}: ${grade(result.score, info)}`);
  const place = (value) => `${(100 * (value - info.scale_minimum)) / (info.scale_maximum - info.scale_minimum)}%`;
  const add = (kind) => made.appendChild(Object.assign(document.createElement("i"), { className: kind }));
  for (const share of [0.2, 0.4, 0.6, 0.8]) add("tick").style.left = `${100 * share}%`;
  if (result.interval) {
    const range = add("range");
    range.style.left = place(result.interval.low);
    range.style.right = `calc(100% - ${place(result.interval.high)})`;
  }
  add("mark").style.left = place(Math.min(info.scale_maximum, Math.max(info.scale_minimum, result.score)));
  return made;
}
