/* Who does the network's work: a worker made from these very scripts, else the page itself. */
"use strict";

globalThis.ConvsmithCrew = class {
  /* scripts: the texts of operators.js, network.js, pixels.js, headers.js, decode.js and tasks.js. */
  constructor(scripts) {
    this.waiting = new Map();
    this.count = 0;
    this.worker = null;
    if (typeof OffscreenCanvas === "undefined") return; // a worker could not read pixels
    try {
      this.worker = new Worker(URL.createObjectURL(new Blob(scripts, { type: "text/javascript" })));
    } catch {
      this.worker = null;
    }
  }

  get name() {
    return this.worker ? "worker" : "page";
  }

  /* The answer to a task of tasks.js; moved: what the worker may take instead of copying. */
  async ask(task, given = {}, moved = []) {
    const message = { id: ++this.count, task, ...given };
    const answer = await (this.worker ? new Promise((resolve) => {
      this.waiting.set(message.id, resolve);
      this.worker.postMessage(message, moved);
    }) : globalThis.ConvsmithTasks.done(message));
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  /* Begin, with the network's program and classes and its weights in base64. */
  async open(setup, text) {
    const given = { setup, weights: bytesOf(text) };
    if (!this.worker) return this.ask("open", given);
    this.worker.onmessage = ({ data }) => {
      const resolve = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (resolve) resolve(data);
    };
    const failed = new Promise((resolve) => { this.worker.onerror = () => resolve(null); });
    const opened = await Promise.race([this.ask("open", given), failed]);
    if (opened) return opened;
    this.worker = null; // a browser that does not allow it for files
    return this.ask("open", given);
  }
};

function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text).buffer;
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let n = 0; n < letters.length; n++) bytes[n] = letters.charCodeAt(n);
  return bytes.buffer;
}
