/* The form of one decision: reason, words of one's own, and for a confirmation category and person. */

import { call, Dropped, Refused, SignedOut } from "../http.js";
import { say } from "../texts.js";
import { h, icon, note } from "./dom.js";

const REASONS = { confirmed: "confirm", dismissed: "dismiss", withdrawn: "withdraw" };
let serial = 0;

export class DecisionForm {
  constructor(store, item, outcome, typed, { done, cancel }) {
    Object.assign(this, { store, item, outcome, done, id: `decision-${++serial}` });
    this.version = item.version;
    this.problem = h("div", { role: "alert" });
    this.words = h("textarea", { class: "form-control", id: `${this.id}-note`, rows: 2, maxlength: 1000 });
    this.words.value = typed;
    this.button = h("button", { type: "submit", class: "btn btn-primary" }, say(`do_${outcome}`));
    this.element = h(
      "form",
      { class: "decision", novalidate: true, "aria-label": say(`do_${outcome}`) },
      this.problem,
      this.reasons(),
      outcome === "confirmed" ? this.category() : null,
      outcome === "confirmed" ? this.person() : null,
      h("div", { class: "lq-field", "data-field": "note" }, h("label", { for: `${this.id}-note` }, say("note")), this.words),
      h("div", { class: "lq-actions" }, this.button, h("button", { type: "button", class: "btn btn-link", onclick: cancel }, say("cancel"))),
    );
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.element.addEventListener("keydown", (event) => this.key(event, cancel));
  }

  get note() {
    return this.words.value;
  }

  reasons() {
    const choices = this.store.reasons[REASONS[this.outcome]].map(({ slug, name, needs_note: needsNote }, i) => {
      const id = `${this.id}-reason-${i}`;
      const input = h("input", { type: "radio", name: "reason", value: slug, id, "data-needs-note": Boolean(needsNote) });
      return h("li", { class: "lq-check" }, input, h("label", { for: id }, name), h("kbd", { class: "key-hint", "aria-hidden": "true" }, String(i + 1)));
    });
    return h("fieldset", { class: "lq-field", "data-field": "reason" }, h("legend", {}, say("why")), h("ul", { class: "lq-choices" }, ...choices));
  }

  category() {
    const options = this.store.categories.map(({ slug, name }) => h("option", { value: slug, selected: slug === this.item.category }, name));
    if (this.item.kind === "unclear") options.unshift(h("option", { value: "" }, say("choose_category")));
    return this.choice("category", say("category"), options);
  }

  person() {
    const people = this.store.streamers || [];
    if (!people.length) return null;
    const options = people.map(({ id, name }) => h("option", { value: String(id), selected: people.length === 1 }, name));
    return this.choice("streamer", say("who_said"), [h("option", { value: "" }, say("not_known")), ...options]);
  }

  choice(name, label, options) {
    const id = `${this.id}-${name}`;
    return h("div", { class: "lq-field", "data-field": name }, h("label", { for: id }, label), h("select", { class: "form-select", id, name }, ...options));
  }

  focus() {
    (this.element.querySelector("input:checked") || this.element.querySelector("input")).focus();
  }

  key(event, cancel) {
    event.stopPropagation(); // letters typed here are words, not commands
    if (event.key === "Escape") cancel();
    const nth = Number(event.key);
    if (event.target.type !== "radio" || !nth || event.ctrlKey || event.metaKey || event.altKey) return;
    const radio = this.element.querySelectorAll("input[name='reason']")[nth - 1];
    radio?.click();
    radio?.focus();
  }

  async send() {
    if (this.button.getAttribute("aria-busy")) return;
    const chosen = this.element.querySelector("input:checked");
    const category = this.element.querySelector("[name='category']");
    const errors = {};
    if (!chosen) errors.reason = say("need_reason");
    else if (chosen.hasAttribute("data-needs-note") && !this.note.trim()) errors.note = say("need_note");
    if (category && !category.value) errors.category = say("need_category");
    if (this.complain(errors)) return;
    this.button.setAttribute("aria-busy", "true");
    try {
      const answer = await call("POST", this.store.recording.urls.decide.replace("{id}", this.item.case_id), {
        outcome: this.outcome,
        reason: chosen.value,
        note: this.note,
        version: this.version,
        ...(category && { category: category.value }),
        ...this.streamer(),
      });
      const told = answer.case || answer;
      this.done({ state: told.state, version: told.case_version ?? told.version, decision: told.decision });
    } catch (error) {
      this.refused(error);
    } finally {
      this.button.removeAttribute("aria-busy");
    }
  }

  streamer() {
    const chosen = this.element.querySelector("[name='streamer']")?.value;
    return chosen ? { streamer: Number(chosen) } : {};
  }

  /* Put each message at its field; answers whether there was any. */
  complain(errors) {
    for (const old of this.element.querySelectorAll(".lq-error")) old.remove();
    for (const bad of this.element.querySelectorAll(".lq-field-bad")) bad.classList.remove("lq-field-bad");
    const entries = Object.entries(errors);
    for (const [name, message] of entries) {
      const line = h("p", { class: "lq-error", id: `${this.id}-${name}-error` }, icon("warning"), h("span", {}, [message].flat().join(" ")));
      const field = this.element.querySelector(`[data-field="${name}"]`);
      if (!field) {
        this.problem.append(line);
        continue;
      }
      field.classList.add("lq-field-bad");
      field.firstElementChild.after(line);
      const input = field.querySelector("input:checked, input, select, textarea");
      input.setAttribute("aria-describedby", line.id);
    }
    if (entries.length) (this.element.querySelector(".lq-field-bad :is(input, select, textarea)") || this.button).focus();
    return entries.length > 0;
  }

  refused(error) {
    this.problem.replaceChildren();
    if (error instanceof Refused && error.status === 409) return this.overtaken(error.body);
    if (error instanceof Refused && error.body.errors) return void this.complain(error.body.errors);
    const words = error instanceof SignedOut ? say("signed_out") : error instanceof Dropped ? say("not_sent") : error.message;
    this.problem.replaceChildren(note("stop", "warning", h("p", {}, words)));
    return undefined;
  }

  /* Somebody decided meanwhile: say who and what, keep what was typed, and let it be sent on the newer state. */
  overtaken({ message, by, outcome, version, case_version: caseVersion, state, decision }) {
    const who = by && outcome ? say("overtaken", { by, outcome: say(`state_${outcome === "withdrawn" ? "dismissed" : outcome}`) }) : "";
    this.problem.replaceChildren(note("proof", "history", h("p", {}, who || message), h("p", {}, say("overtaken_kept"))));
    this.version = version ?? caseVersion ?? this.version;
    this.button.textContent = say("send_again");
    const newer = { state: state || outcome || this.item.state, version: this.version, decision: decision || { by, at: new Date().toISOString(), reason: "" } };
    this.store.decided(this.item.case_id, newer);
    this.button.focus();
  }
}
