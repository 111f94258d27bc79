// Plays a video from the user's own file, the server, or a preview; where none plays, time can still be set.

export class Player {
  // Times are presentation times of the video: those of the timeline, which need not begin at 0.
  constructor(video, { begin, end, fps, onTime, onState, onCannot }) {
    this.video = video;
    this.begin = begin;
    this.end = end;
    this.frame = 1 / fps;
    this.onTime = onTime;
    this.onCannot = onCannot;
    this.works = false;
    this.still = begin;
    this.url = null;
    video.addEventListener("loadedmetadata", () => this.#loaded());
    video.addEventListener("error", () => this.#failed());
    for (const kind of ["play", "pause", "ended"]) video.addEventListener(kind, () => onState(this.playing));
    for (const kind of ["seeked", "timeupdate"]) video.addEventListener(kind, () => onTime(this.time));
    video.addEventListener("play", () => this.#follow());
  }

  load(url, { local = false } = {}) {
    this.works = false;
    this.loading = url;
    this.video.src = url;
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = local ? url : null;
  }

  #loaded() {
    if (this.video.videoWidth === 0) { this.#failed(); return; } // sound without a picture
    this.works = true;
    this.video.hidden = false;
    this.seek(this.still);
  }

  #failed() {
    this.works = false;
    this.video.hidden = true;
    this.onCannot();
  }

  #follow() {
    const step = () => {
      if (!this.playing || !this.video.isConnected) return;
      this.onTime(this.time);
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  get playing() {
    return this.works && !this.video.paused && !this.video.ended;
  }

  get time() {
    return this.works ? this.begin + this.video.currentTime : this.still;
  }

  seek(seconds) {
    this.still = Math.min(this.end, Math.max(this.begin, seconds));
    if (this.works) this.video.currentTime = Math.min(this.still - this.begin, this.video.duration || Infinity);
    this.onTime(this.still);
  }

  step(frames) {
    this.video.pause();
    this.seek(this.time + frames * this.frame);
  }

  toggle(play = !this.playing) {
    if (!this.works) return;
    if (play) this.video.play().catch(() => {});
    else this.video.pause();
  }

  close() {
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
  }
}
