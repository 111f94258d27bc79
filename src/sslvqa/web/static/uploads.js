// Sends files to the server, a few at a time; waits when its queue is full.

import * as api from "./api.js";

const AT_ONCE = 3;
const RETRY_SECONDS = 3;

export class Uploads {
  // onChange(item): a pseudo-job in the state uploading or failed, until it is gone. onJob(job): what an upload became,
  // if its answer comes before its events.
  constructor({ onChange, onJob, onGone }) {
    Object.assign(this, { onChange, onJob, onGone });
    this.waiting = [];
    this.active = new Map();
    this.count = 0;
    this.page = Math.random().toString(36).slice(2); // other pages upload too
  }

  add(file, options = {}) {
    this.count += 1;
    const item = {
      id: `upload-${this.page}-${this.count}`, name: file.name, state: "uploading", stage: "waiting to upload", progress: 0,
      created: Date.now() / 1000, size_bytes: file.size,
    };
    this.waiting.push({ item, file, options });
    this.onChange(item);
    this.#next();
  }

  cancel(id) {
    this.waiting = this.waiting.filter(({ item }) => item.id !== id);
    this.active.get(id)?.sending.abort();
    this.onGone(id);
  }

  // The file that became a job, when the page first hears of the job: from its events or from the upload's answer.
  arrived(job) {
    const entry = this.active.get(job.ticket);
    if (!entry || entry.arrived) return null;
    entry.arrived = true;
    this.onGone(job.ticket);
    return entry.file;
  }

  #next() {
    while (this.active.size < AT_ONCE && this.waiting.length) this.#send(this.waiting.shift());
  }

  async #send(entry) {
    const { item, file, options } = entry;
    const change = (facts) => { if (!entry.arrived) this.onChange(Object.assign(item, facts)); };
    entry.sending = api.upload(file, { ...options, ticket: item.id }, (progress) => change({ progress, stage: "uploading" }));
    this.active.set(item.id, entry);
    try {
      const job = await entry.sending.promise;
      if (!entry.arrived) this.onJob(job);
    } catch (error) {
      if (error.status === 503) this.#later(entry, error);
      else if (error.status !== -1) change({ state: "failed", error: error.message });
    } finally {
      this.active.delete(item.id);
      this.#next();
    }
  }

  #later(entry, error) {
    this.onChange(Object.assign(entry.item, { progress: 0, stage: `waiting: ${error.message}` }));
    this.waiting.push(entry);
    this.active.set("pause", {});
    setTimeout(() => { this.active.delete("pause"); this.#next(); }, RETRY_SECONDS * 1000);
  }
}
