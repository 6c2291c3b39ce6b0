/* One file on its way to the server, piece by piece.
   States: waiting → sending ⇄ (paused | retrying) → finishing → done; or failed, from which `go` tries again. */

import { call, Dropped, Refused, renewToken, SignedOut, token } from "../http.js";
import { forget, recall, remember } from "./memory.js";

const FIRST_PIECE = 1 << 20;
const QUICK_MS = 2000; // a piece faster than this: the next one is twice as large
const SLOW_MS = 12000; // slower: half
const STALLED_MS = 45000;
const WAITS_S = [1, 2, 4, 8, 15, 30];
const SPEED_OVER_MS = 12000;

export class Sender extends EventTarget {
  constructor(file, { url, meta, uploadId }) {
    super();
    Object.assign(this, { file, url, meta, state: "waiting", received: 0, sent: 0, message: "", recordingUrl: "" });
    this.id = uploadId ?? recall(file);
    this.piece = FIRST_PIECE;
    this.samples = [];
    this.run = 0; // counts starts and stops
  }

  get busy() {
    return ["sending", "retrying", "finishing"].includes(this.state);
  }

  /* bytes a second over the last seconds; 0 while unknown */
  get speed() {
    const [first] = this.samples;
    const last = this.samples.at(-1);
    return first && last.at > first.at ? ((last.sent - first.sent) * 1000) / (last.at - first.at) : 0;
  }

  get remaining() {
    return this.speed > 0 ? (this.file.size - this.sent) / this.speed : null;
  }

  async go() {
    if (this.busy || this.state === "done") return;
    const run = ++this.run;
    this.tries = 0;
    this.become("sending");
    while (this.run === run) {
      try {
        await this.whole(run);
        return;
      } catch (error) {
        if (this.run !== run || !(await this.recover(error, run))) return;
      }
    }
  }

  pause() {
    this.halt();
    this.become("paused");
  }

  /* Give it up: the server forgets what has arrived. */
  async abandon() {
    this.halt();
    forget(this.file);
    if (this.id) await call("DELETE", `${this.url}/${this.id}`).catch(() => {}); // the server gives it up by itself in three days
  }

  halt() {
    this.run += 1; // whatever is under way sees that its turn is over
    this.request?.abort();
    this.wake?.();
  }

  async whole(run) {
    await this.meet();
    if (this.run !== run) return;
    this.become("sending");
    while (this.received < this.file.size) {
      await this.sendPiece();
      if (this.run !== run) return;
    }
    this.become("finishing");
    const { recording_url: recordingUrl } = await call("POST", `${this.url}/${this.id}/finish`, {});
    forget(this.file);
    this.recordingUrl = recordingUrl;
    this.become("done");
  }

  /* Learn from the server where to go on, or begin. */
  async meet() {
    if (this.id) {
      try {
        const known = await call("GET", `${this.url}/${this.id}`);
        if (known.size === this.file.size && known.state === "open") return this.at(known.received);
        if (known.size === this.file.size && known.state === "finished") return this.at(known.size);
      } catch (error) {
        if (!(error instanceof Refused && error.status === 404)) throw error;
      }
    }
    const begun = await call("POST", this.url, { ...this.meta, name: this.file.name, size: this.file.size });
    this.id = begun.id;
    this.largest = begun.chunk_size;
    remember(this.file, this.id);
    return this.at(begun.received || 0);
  }

  at(received) {
    this.received = received;
    this.sent = received;
    this.samples = [];
  }

  sendPiece() {
    const size = Math.min(this.piece, this.largest || 8 << 20);
    const from = this.received;
    const began = performance.now();
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest(); // fetch cannot say how much has been sent
      this.request = request;
      let stalled = 0;
      const watch = () => {
        clearTimeout(stalled);
        stalled = setTimeout(() => request.abort(), STALLED_MS);
      };
      request.open("PATCH", `${this.url}/${this.id}`);
      request.setRequestHeader("Upload-Offset", String(from));
      request.setRequestHeader("Content-Type", "application/offset+octet-stream");
      request.setRequestHeader("Accept", "application/json");
      request.setRequestHeader("X-Requested-With", "fetch");
      request.setRequestHeader("X-CSRFToken", token());
      request.upload.onprogress = (event) => {
        watch();
        this.moved(from + Math.min(event.loaded, size));
      };
      request.onload = () => {
        this.piece = this.nextPiece(performance.now() - began);
        this.take(request).then(resolve, reject);
      };
      request.onerror = () => reject(new Dropped());
      request.onabort = () => reject(new Dropped());
      request.onloadend = () => clearTimeout(stalled);
      watch();
      request.send(this.file.slice(from, from + size));
    });
  }

  async take(request) {
    const offset = request.getResponseHeader("Upload-Offset");
    if (request.status === 204 || (request.status === 409 && offset !== null)) {
      this.tries = 0;
      this.received = Number(offset);
      this.moved(this.received);
      return;
    }
    const body = await Promise.resolve(request.responseText).then(JSON.parse).catch(() => ({}));
    if (request.status === 400) {
      await renewToken();
      throw new Dropped();
    }
    if (request.status === 401 || request.status === 200) throw new SignedOut(); // 200: the sign-in page, after a redirect
    if (request.status >= 500 || [409, 429].includes(request.status)) throw Object.assign(new Dropped(), { told: body.message });
    throw new Refused(request.status, body);
  }

  nextPiece(ms) {
    if (ms < QUICK_MS) return Math.min(this.piece * 2, this.largest || 8 << 20);
    if (ms > SLOW_MS) return Math.max(this.piece / 2, FIRST_PIECE / 4);
    return this.piece;
  }

  moved(sent) {
    this.sent = sent;
    const at = performance.now();
    this.samples.push({ at, sent });
    while (at - this.samples[0].at > SPEED_OVER_MS && this.samples.length > 2) this.samples.shift();
    this.dispatchEvent(new Event("progress"));
  }

  /* Whether to go on by ourselves. A dropped connection is tried again for as long as the page stays open. */
  async recover(error, run) {
    const dropped = error instanceof Dropped || (error instanceof Refused && error.status === 409);
    const readable = await this.file.slice(0, 1).arrayBuffer().then(() => true, () => false);
    if (dropped && readable) {
      this.piece = Math.max(this.piece / 2, FIRST_PIECE / 4);
      await this.rest(WAITS_S[Math.min(this.tries, WAITS_S.length - 1)], error.told || "");
      this.tries += 1;
      return this.run === run;
    }
    this.failure = error instanceof SignedOut ? "signed_out" : error instanceof Refused ? "refused" : "unreadable";
    if (error instanceof Refused && error.status !== 403) {
      forget(this.file);
      this.id = undefined;
    }
    this.message = error.message;
    this.become("failed");
    return false;
  }

  /* Wait, unless the network comes back or somebody presses “try now”. */
  rest(seconds, told) {
    this.message = told;
    this.nextTryAt = Date.now() + seconds * 1000;
    this.become("retrying");
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake(), seconds * 1000 * (0.9 + Math.random() * 0.2));
      this.wake = () => {
        clearTimeout(timer);
        window.removeEventListener("online", this.wake);
        resolve();
      };
      window.addEventListener("online", this.wake);
    });
  }

  become(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
