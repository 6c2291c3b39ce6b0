/* Correcting a word. The row's words become buttons; the one chosen is written anew; what was recognised is kept. */

import { call, Dropped, Refused, SignedOut } from "../http.js";
import { say } from "../texts.js";
import { announce, h, icon } from "./dom.js";
import { originalOf } from "./rows.js";

export class Words extends EventTarget {
  constructor(store, rows, player) {
    super();
    Object.assign(this, { store, rows, player, form: null });
    rows.list.addEventListener("click", (event) => {
      const pencil = event.target.closest("[data-act='correct']");
      if (pencil) this.open(rows.indexOf(pencil));
    });
    rows.list.addEventListener("dblclick", (event) => {
      const word = event.target.closest("[data-w]");
      if (!word || !store.recording.can_correct || event.target.closest("form")) return;
      getSelection().removeAllRanges();
      this.open(rows.indexOf(word), Number(word.dataset.w));
    });
  }

  open(i, at = null) {
    this.close();
    const segment = this.store.segments[i];
    this.place = i;
    this.strip = h("div", { class: "word-strip", role: "group", "aria-label": say("choose_word") }, ...segment.words.map((word, w) => this.button(word, w)));
    this.slot = h("div", {});
    this.box = h("div", { class: "word-box" }, h("p", { class: "lq-hint" }, say("choose_word")), this.strip, this.slot, h("button", { type: "button", class: "btn btn-link", onclick: () => this.leave() }, say("done")));
    this.box.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.leave();
    });
    this.rows.rows[i].element.querySelector(".seg-body").append(this.box);
    if (at === null) this.strip.firstElementChild?.focus();
    else this.choose(at);
  }

  button([, , text, probability, ...more], w) {
    const level = [50, 70, 85].filter((limit) => probability >= limit).length;
    return h("button", { type: "button", class: `word-button c${level}${originalOf(more) === null ? "" : " is-edited"}`, onclick: () => this.choose(w) }, text || "–");
  }

  leave() {
    const pencil = this.rows.rows[this.place]?.element.querySelector("[data-act='correct']");
    this.close();
    pencil?.focus();
  }

  close() {
    this.box?.remove();
    this.box = null;
  }

  choose(w) {
    const segment = this.store.segments[this.place];
    const [startMs, , text, , ...more] = segment.words[w];
    const heard = originalOf(more) ?? text;
    const input = h("input", { class: "form-control", id: "word-input", maxlength: 40, autocomplete: "off", value: text });
    const problem = h("p", { class: "lq-error", role: "alert", hidden: true });
    const save = h("button", { type: "submit", class: "btn btn-primary" }, say("save"));
    const hear = h("button", { type: "button", class: "btn btn-secondary", onclick: () => this.player.playBefore(startMs + 2000) }, icon("play"), say("hear_word"));
    const form = h("form", { class: "word-form" }, h("label", { for: "word-input" }, say("said_instead", { word: heard })), problem, h("div", { class: "lq-actions" }, input, save, hear));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save({ segment, w, input, problem, save });
    });
    for (const [n, button] of [...this.strip.children].entries()) button.setAttribute("aria-pressed", String(n === w));
    this.slot.replaceChildren(form);
    input.focus();
    input.select();
  }

  async save({ segment, w, input, problem, save }) {
    problem.hidden = true;
    save.setAttribute("aria-busy", "true");
    try {
      const url = this.store.recording.urls.correct.replace("{id}", segment.id);
      const { segment: corrected } = await call("PATCH", url, { word_index: w, text: input.value, version: segment.version });
      this.close();
      this.store.corrected(corrected);
      announce(say("corrected"));
      this.dispatchEvent(new Event("corrected"));
    } catch (error) {
      const words = error instanceof SignedOut ? say("signed_out") : error instanceof Dropped ? say("not_sent") : error instanceof Refused ? error.message : null;
      if (words === null) throw error;
      problem.replaceChildren(icon("warning"), h("span", {}, words));
      problem.hidden = false;
      if (error.status === 409) this.dispatchEvent(new Event("corrected")); // somebody else was here: load what they wrote
      input.focus();
    } finally {
      save.removeAttribute("aria-busy");
    }
  }
}
