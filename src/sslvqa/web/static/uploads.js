// Sends files to the server, a few at a time; waits when its queue is full.

import * as api from "./api.js";

const AT_ONCE = 3;
const RETRY_SECONDS = 3;

export class Uploads {
  // onChange(item): a pseudo-job in the state uploading or failed. onJob(item, job, file): it has arrived.
  constructor({ onChange, onJob, onGone }) {
    Object.assign(this, { onChange, onJob, onGone });
    this.waiting = [];
    this.active = new Map();
    this.count = 0;
  }

  add(file, options = {}) {
    this.count += 1;
    const item = {
      id: `upload-${this.count}`, name: file.name, state: "uploading", stage: "waiting to upload", progress: 0,
      created: Date.now() / 1000, size_bytes: file.size,
    };
    this.waiting.push({ item, file, options });
    this.onChange(item);
    this.#next();
  }

  cancel(id) {
    this.waiting = this.waiting.filter(({ item }) => item.id !== id);
    this.active.get(id)?.abort();
    this.onGone(id);
  }

  #next() {
    while (this.active.size < AT_ONCE && this.waiting.length) this.#send(this.waiting.shift());
  }

  async #send(entry) {
    const { item, file, options } = entry;
    const sending = api.upload(file, options, (progress) => this.onChange(Object.assign(item, { progress, stage: "uploading" })));
    this.active.set(item.id, sending);
    try {
      const job = await sending.promise;
      this.onJob(item, job, file);
    } catch (error) {
      if (error.status === 503) this.#later(entry, error);
      else if (error.status !== -1) this.onChange(Object.assign(item, { state: "failed", error: error.message }));
    } finally {
      this.active.delete(item.id);
      this.#next();
    }
  }

  #later(entry, error) {
    this.onChange(Object.assign(entry.item, { progress: 0, stage: `waiting: ${error.message}` }));
    this.waiting.push(entry);
    const held = { abort() {} };
    this.active.set("pause", held);
    setTimeout(() => { this.active.delete("pause"); this.#next(); }, RETRY_SECONDS * 1000);
  }
}
