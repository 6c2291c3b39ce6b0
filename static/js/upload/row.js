/* How one file in the queue looks. */

import { bytes, lasting } from "../format.js";
import { say } from "../texts.js";

const ICONS = { waiting: "clock", sending: "upload", paused: "pause", retrying: "retry", finishing: "clock", done: "check", failed: "stop" };
const TONES = { done: "holds", failed: "stop", retrying: "proof", paused: "unknown" };

export class Row {
  constructor(sender, template, { onRemove, onGo }) {
    this.sender = sender;
    this.element = template.content.firstElementChild.cloneNode(true);
    const part = (name) => this.element.querySelector(`[data-part="${name}"]`);
    this.parts = Object.fromEntries(["name", "size", "bar", "status", "pause", "go", "remove", "open"].map((name) => [name, part(name)]));
    this.parts.name.textContent = sender.file.name;
    this.parts.size.textContent = bytes(sender.file.size);
    this.parts.bar.setAttribute("aria-label", sender.file.name);
    this.parts.pause.onclick = () => sender.pause();
    this.parts.go.onclick = () => (sender.state === "retrying" ? sender.wake() : onGo(sender));
    this.parts.remove.onclick = () => onRemove(this);
    sender.addEventListener("change", () => this.draw());
    sender.addEventListener("progress", () => this.drawSoon());
    this.draw();
    this.ticking = setInterval(() => sender.state === "retrying" && this.draw(), 1000);
  }

  leave() {
    clearInterval(this.ticking);
    this.element.remove();
  }

  drawSoon() {
    if (this.pending) return;
    this.pending = setTimeout(() => {
      this.pending = 0;
      this.draw();
    }, 200);
  }

  draw() {
    const { sender, parts } = this;
    const { state } = sender;
    this.element.dataset.state = state;
    const icon = this.element.querySelector(".lq-upload-status use");
    icon.setAttribute("href", icon.getAttribute("href").replace(/#.*/, `#${ICONS[state]}`));
    this.element.className = `lq-upload lq-tone-${TONES[state] || "accent"}`;
    if (state === "finishing" && sender.file.size) parts.bar.removeAttribute("value");
    else parts.bar.value = sender.file.size ? sender.sent / sender.file.size : 0;
    parts.bar.hidden = state === "done" || state === "failed";
    parts.status.textContent = this.words();
    parts.pause.hidden = state !== "sending" && state !== "retrying";
    parts.go.hidden = !["paused", "failed", "retrying"].includes(state);
    parts.go.querySelector("[data-word]").textContent = say({ retrying: "try_now", failed: "try_again" }[state] || "continue");
    parts.remove.hidden = ["finishing", "done"].includes(state);
    parts.open.hidden = state !== "done";
    if (state === "done") parts.open.href = sender.recordingUrl;
  }

  words() {
    const { sender } = this;
    const there = { sent: bytes(sender.sent), size: bytes(sender.file.size), percent: `${Math.floor((100 * sender.sent) / (sender.file.size || 1))} %` };
    switch (sender.state) {
      case "waiting":
        return say("waiting");
      case "sending":
        if (sender.remaining === null) return say("sending", there);
        return say("sending_speed", { ...there, speed: bytes(sender.speed), left: lasting(sender.remaining) });
      case "paused":
        return say("paused", there);
      case "retrying": {
        const wait = Math.max(1, Math.round((sender.nextTryAt - Date.now()) / 1000));
        return `${sender.message || say("dropped", there)} ${say("next_try", { n: wait })}`;
      }
      case "finishing":
        return say("finishing");
      case "done":
        return say("done");
      default:
        return sender.failure === "refused" && sender.message ? sender.message : say(sender.failure === "refused" ? "refused" : sender.failure);
    }
  }
}
