/* While the recording is being worked on: stage, percent and remaining time, asked every two seconds. */

import { lasting } from "../format.js";
import { call, Dropped } from "../http.js";
import { say } from "../texts.js";
import { announce } from "./dom.js";

const EVERY_MS = 2000;
const TEXT_EVERY = 4; // so many polls between two looks at the text so far

export class Progress extends EventTarget {
  constructor(panel, url) {
    super();
    Object.assign(this, { panel, url, polls: 0 });
    const part = (name) => panel.querySelector(`[data-progress="${name}"]`);
    this.parts = { stage: part("stage"), bar: part("bar"), left: part("left"), message: part("message"), cancel: part("cancel"), resume: part("resume"), hint: part("hint") };
  }

  start() {
    this.timer = setTimeout(() => this.poll(), EVERY_MS);
  }

  async poll() {
    if (document.visibilityState === "hidden") return this.start();
    try {
      const told = await call("GET", this.url);
      this.draw(told);
      if (told.state === "ready") {
        this.panel.hidden = true;
        announce(say("text_ready"));
        this.dispatchEvent(new Event("ready"));
        return undefined;
      }
      if (told.ended || ["refused", "duplicate"].includes(told.state)) return undefined;
      this.polls += 1;
      if (told.state === "working" && this.polls % TEXT_EVERY === 0) this.dispatchEvent(new Event("text"));
    } catch (error) {
      if (!(error instanceof Dropped)) throw error;
      this.parts.left.textContent = say("no_answer");
    }
    return this.start();
  }

  draw({ state, stage, percent, remaining_s: seconds, message, can_cancel: canCancel, can_resume: canResume }) {
    const { parts } = this;
    const head = canResume ? say("stopped") : stage;
    if (head && head !== parts.stage.textContent) {
      parts.stage.textContent = head;
      announce(head);
    }
    parts.hint.hidden = Boolean(canResume);
    parts.bar.hidden = !["waiting", "working", "queued"].includes(state);
    parts.bar.value = percent;
    const left = seconds === null || seconds === undefined ? "" : say("work_left", { left: lasting(seconds) });
    parts.left.textContent = parts.bar.hidden ? "" : [`${Math.floor(percent)} %`, left].filter(Boolean).join(" · ");
    parts.message.textContent = message || "";
    parts.message.hidden = !message;
    if (parts.cancel) parts.cancel.hidden = canCancel === false;
    if (parts.resume) parts.resume.hidden = !canResume;
  }
}
