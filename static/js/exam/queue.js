/* Answers on their way: each has a number in this window, waits in localStorage until the server has it, and may be sent
   again without harm. What another, closed window of the same exam left behind is sent too. */

import { call, Dropped, Refused, SignedOut } from "../http.js";

const RETRY_MS = [1000, 2000, 4000, 8000, 15000];

export class Queue {
  constructor(exam, tell) {
    this.exam = exam;
    this.tell = tell;
    this.prefix = `lq-exam-${exam.id}-`;
    this.client = sessionStorage.getItem(this.prefix) || crypto.getRandomValues(new Uint32Array(3)).join("").slice(0, 24);
    sessionStorage.setItem(this.prefix, this.client);
    this.failures = 0;
    this.sending = null;
    this.timer = 0;
    window.addEventListener("online", () => this.flush());
  }

  read(client) {
    try {
      return JSON.parse(localStorage.getItem(this.prefix + client)) || { next: 0, steps: [] };
    } catch {
      return { next: 0, steps: [] };
    }
  }

  write(client, box) {
    if (!box.steps.length && client !== this.client) localStorage.removeItem(this.prefix + client);
    else localStorage.setItem(this.prefix + client, JSON.stringify(box));
  }

  clients() {
    const found = Object.keys(localStorage).filter((key) => key.startsWith(this.prefix)).map((key) => key.slice(this.prefix.length));
    return found.sort((a) => (a === this.client ? 1 : -1)); // what was left behind is older than ours
  }

  waiting() {
    return this.clients().reduce((sum, client) => sum + this.read(client).steps.length, 0);
  }

  /* The newest answers that the server may not have yet, by slot. */
  unsent() {
    const found = new Map();
    for (const client of this.clients()) for (const step of this.read(client).steps) found.set(step.slot, step.answer);
    return found;
  }

  put(slot, answer) {
    const box = this.read(this.client);
    box.steps.push({ seq: box.next, slot, answer });
    box.next += 1;
    this.write(this.client, box);
    return this.flush();
  }

  /* Send all that waits; answers whether nothing waits any more. */
  async flush() {
    if (this.sending) {
      await this.sending;
      return this.waiting() ? this.flush() : true;
    }
    this.sending = this.send();
    try {
      return await this.sending;
    } finally {
      this.sending = null;
    }
  }

  async send() {
    window.clearTimeout(this.timer);
    for (const client of this.clients()) {
      while (this.read(client).steps.length) {
        if (!(await this.sendSome(client))) return false;
      }
    }
    this.tell("saved");
    return true;
  }

  async sendSome(client) {
    const steps = this.read(client).steps.slice(0, 50);
    this.tell("saving");
    try {
      const answer = await call("POST", this.exam.steps, { client, steps });
      this.failures = 0;
      this.forget(client, steps);
      this.tell("answer", answer);
      return true;
    } catch (error) {
      if (error instanceof Refused) {
        this.forget(client, steps); // it would be refused for ever
        this.tell("refused", error);
        return true;
      }
      if (!(error instanceof Dropped) && !(error instanceof SignedOut)) throw error;
      this.tell(error instanceof SignedOut ? "signed_out" : "waiting");
      this.timer = window.setTimeout(() => this.flush(), RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)]);
      this.failures += 1;
      return false;
    }
  }

  forget(client, sent) {
    const gone = new Set(sent.map((step) => step.seq));
    const box = this.read(client);
    box.steps = box.steps.filter((step) => !gone.has(step.seq));
    this.write(client, box);
  }

  clear() {
    for (const client of this.clients()) localStorage.removeItem(this.prefix + client);
    sessionStorage.removeItem(this.prefix);
  }
}
