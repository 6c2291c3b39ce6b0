/* Marking on the timeline which product is explained and who speaks: P or S where it begins, once more where it ends. */

import { clock, parseClock } from "../format.js";
import { call, Dropped, Refused, SignedOut } from "../http.js";
import { say } from "../texts.js";
import { announce, h, icon } from "./dom.js";

const ROLES = ["streamer", "assistant", "viewer", "ai", "unknown"];
const LEAST_MS = 1000;

export class Marks extends EventTarget {
  constructor(store, player, { list, pill, dialog, empty }) {
    super();
    Object.assign(this, { store, player, list, pill, dialog, empty, begun: null });
    this.form = dialog.querySelector("form");
    this.fields = Object.fromEntries(["start", "end", "label", "product_category", "speaker_role"].map((name) => [name, this.form.elements[name]]));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    store.addEventListener("spans", () => this.draw());
    store.addEventListener("change", () => this.fillChoices());
    player.addEventListener("time", () => this.begun && this.drawPill());
  }

  fillChoices() {
    if (this.fields.product_category.options.length > 1) return;
    this.fields.product_category.append(...this.store.product_categories.map(({ slug, name }) => h("option", { value: slug }, name)));
    this.fields.speaker_role.append(...ROLES.map((role) => h("option", { value: role }, say(`role_${role}`))));
    this.draw();
  }

  /* First press begins, second ends; the other kind starts over. */
  press(kind) {
    if (!this.store.recording.can_mark) return;
    if (this.begun?.kind === kind) {
      const span = { kind, start_ms: this.begun.start_ms, end_ms: Math.round(this.player.ms) };
      this.stop();
      this.ask(span);
      return;
    }
    this.begun = { kind, start_ms: Math.round(this.player.ms) };
    announce(say(`begun_${kind}`, { at: clock(this.begun.start_ms) }));
    this.drawPill();
  }

  stop() {
    this.begun = null;
    this.pill.hidden = true;
  }

  drawPill() {
    const { kind, start_ms: from } = this.begun;
    this.pill.hidden = false;
    this.pill.querySelector("[data-words]").textContent = say(`begun_${kind}`, { at: clock(from) });
  }

  ask(span) {
    const product = span.kind === "product";
    this.asking = span;
    this.dialog.querySelector("h2").textContent = say(`mark_${span.kind}`);
    this.fields.start.value = clock(Math.min(span.start_ms, span.end_ms));
    this.fields.end.value = clock(Math.max(span.end_ms, span.start_ms + LEAST_MS));
    this.fields.label.value = span.label || "";
    this.fields.product_category.value = span.product_category || "";
    this.fields.speaker_role.value = span.speaker_role || (product ? "" : "streamer");
    for (const field of this.form.querySelectorAll("[data-for]")) field.hidden = field.dataset.for !== span.kind;
    this.complain({});
    this.dialog.showModal();
    this.fields.label.focus();
  }

  async save() {
    const { kind, id } = this.asking;
    const [from, to] = [parseClock(this.fields.start.value), parseClock(this.fields.end.value)];
    const errors = {};
    if (from === null) errors.start_ms = say("need_clock");
    if (to === null) errors.end_ms = say("need_clock");
    else if (from !== null && to <= from) errors.end_ms = say("need_order");
    if (kind === "product" && !this.fields.label.value.trim() && !this.fields.product_category.value) errors.label = say("need_product");
    if (this.complain(errors)) return;
    const body = { kind, start_ms: from, end_ms: to, label: this.fields.label.value.trim(), product_category: kind === "product" ? this.fields.product_category.value : "", speaker_role: kind === "speaker" ? this.fields.speaker_role.value : "" };
    try {
      const { spans, span } = await call("POST", this.store.recording.urls.timeline, id ? { ...body, replaces: id } : body);
      this.dialog.close();
      this.store.timeline(spans || [...this.store.spans, span]);
      announce(say("marked"));
      this.dispatchEvent(new Event("marked"));
    } catch (error) {
      if (error instanceof Refused && error.status === 404) this.asking = body; // somebody took the old one off: save this as a new one
      this.complain(error instanceof Refused && error.body.errors ? error.body.errors : { label: wordsOf(error) });
    }
  }

  complain(errors) {
    for (const old of this.form.querySelectorAll(".lq-error")) old.remove();
    for (const [name, message] of Object.entries(errors)) {
      const field = this.form.querySelector(`[data-field="${name}"]`) || this.form.querySelector("[data-field='label']");
      field.querySelector("label").after(h("p", { class: "lq-error", role: "alert" }, icon("warning"), h("span", {}, [message].flat().join(" "))));
    }
    this.form.querySelector(".lq-error ~ input, .lq-error ~ select")?.focus();
    return Object.keys(errors).length > 0;
  }

  async remove(span, button) {
    if (!window.confirm(say("really_unmark", { name: this.nameOf(span) }))) return;
    button.setAttribute("aria-busy", "true");
    try {
      const { spans } = await call("DELETE", `${this.store.recording.urls.timeline}/${span.id}`);
      this.store.timeline(spans || this.store.spans.filter((other) => other.id !== span.id));
      this.dispatchEvent(new Event("marked"));
    } catch (error) {
      button.removeAttribute("aria-busy");
      announce(wordsOf(error));
    }
  }

  nameOf(span) {
    const kind = span.kind === "product" ? this.store.productNames.get(span.product_category) : span.speaker_role && say(`role_${span.speaker_role}`);
    return [span.label, kind].filter(Boolean).join(" · ") || say("unknown");
  }

  draw() {
    this.empty.hidden = this.store.spans.length > 0;
    this.list.replaceChildren(...this.store.spans.map((span) => this.row(span)));
  }

  row(span) {
    const jump = h("button", { type: "button", class: "span-jump", onclick: () => this.player.seek(span.start_ms) }, icon(span.kind === "product" ? "box" : "speaker"), h("span", {}, h("span", { class: "lq-num lq-soft" }, `${clock(span.start_ms)}–${clock(span.end_ms)}`), h("br"), this.nameOf(span)));
    if (!this.store.recording.can_mark) return h("li", { class: "span-row" }, jump);
    const edit = h("button", { type: "button", class: "btn btn-link lq-icon-btn", "aria-label": say("change_mark", { name: this.nameOf(span) }), onclick: () => this.ask(span) }, icon("edit"));
    const drop = h("button", { type: "button", class: "btn btn-link lq-icon-btn", "aria-label": say("remove_mark", { name: this.nameOf(span) }), onclick: () => this.remove(span, drop) }, icon("trash"));
    return h("li", { class: "span-row" }, jump, edit, drop);
  }
}

function wordsOf(error) {
  if (error instanceof SignedOut) return say("signed_out");
  if (error instanceof Dropped) return say("not_sent");
  return error.message;
}
