/* The selected item: what was said, which rule, what is on file, and the decision. */

import { clock, lasting } from "../format.js";
import { say } from "../texts.js";
import { DecisionForm } from "./decision.js";
import { announce, badge, h, icon, look, note } from "./dom.js";

const EVIDENCE_TONES = { supported: ["holds", "check"], contradicted: ["stop", "cross"], unproven: ["proof", "proof"] };

export class Detail {
  constructor(store, player, box) {
    Object.assign(this, { store, player, box, form: null });
    store.addEventListener("select", () => this.draw());
    store.addEventListener("change", () => this.refresh());
    store.addEventListener("spans", () => this.refresh());
  }

  /* What somebody is writing stays; only a decided or another item is drawn anew. */
  refresh() {
    const item = this.store.selected;
    if (!this.form || item?.uid !== this.form.item.uid) this.draw();
  }

  draw() {
    const item = this.store.selected;
    this.form = null;
    this.box.hidden = !item;
    if (!item) return this.box.replaceChildren();
    this.slot = h("div", { class: "detail-slot" });
    const parts = [
      this.heading(item),
      item.kind === "flag" ? h("blockquote", { class: "detail-quote" }, `“${item.quote}”`) : note("unknown", "ear", h("p", {}, say("unclear_ask", { left: lasting((item.end_ms - item.start_ms) / 1000) }))),
      this.facts(item),
      this.decided(item),
      this.actions(item),
      this.slot,
      this.basis(item),
    ];
    this.box.replaceChildren(...parts.filter(Boolean));
    return undefined;
  }

  heading(item) {
    const { tone, icon: name } = look({ ...item, state: "open" });
    const severity = item.kind === "flag" ? badge(tone, name, say(`severity_${item.severity}`)) : null;
    const close = h("button", { type: "button", class: "btn btn-link lq-icon-btn detail-close", "aria-label": say("close"), onclick: () => this.store.select(null) }, icon("cross"));
    return h(
      "div",
      { class: "detail-head" },
      h("h2", {}, item.kind === "flag" ? item.category_name : say("unclear")),
      h("div", { class: "detail-sub" }, severity, h("span", { class: "lq-num lq-soft" }, `${clock(item.start_ms)}–${clock(item.end_ms)}`)),
      close,
    );
  }

  facts(item) {
    const spans = this.store.spansAt(item.start_ms);
    const product = spans.find((span) => span.kind === "product");
    const speaker = spans.find((span) => span.kind === "speaker");
    const rows = [
      [say("product"), product ? [product.label, this.store.productNames.get(product.product_category)].filter(Boolean).join(" · ") : say("not_marked")],
      [say("speaker"), speaker ? [speaker.label, speaker.speaker_role && say(`role_${speaker.speaker_role}`)].filter(Boolean).join(" · ") : say("not_marked")],
    ];
    if (item.kind === "flag") {
      const [tone, name] = EVIDENCE_TONES[item.evidence] || ["unknown", "unknown"];
      const word = item.evidence_name || (item.evidence && say(`evidence_${EVIDENCE_TONES[item.evidence] ? item.evidence : "none"}`));
      rows.push(
        [say("evidence"), word && badge(tone, name, word)],
        [say("heard_as"), item.heard_as],
        [say("rule"), item.rule_text || item.rule],
        [say("suggestion"), item.suggestion],
      );
    }
    const list = h("dl", { class: "lq-facts detail-facts" });
    for (const [term, told] of rows) if (told) list.append(h("dt", {}, term), h("dd", {}, told));
    return list;
  }

  /* Long, and known to whoever does this all day: a press away, below the buttons. */
  basis(item) {
    const told = [[say("legal_basis"), item.legal_basis], [say("platform_basis"), item.platform_basis]].filter(([, words]) => words);
    if (!told.length) return null;
    return h("details", { class: "detail-basis" }, h("summary", {}, told.map(([term]) => term).join(say("and"))), ...told.map(([, words]) => h("p", {}, words)));
  }

  decided(item) {
    if (item.state === "open" || !item.decision) return null;
    const { tone, icon: name } = look(item);
    const { by, at, reason, note: more } = item.decision;
    return note(
      tone,
      name,
      h("p", {}, h("strong", {}, say(`state_${item.state}`))),
      h("p", {}, say("decided_by", { by, at: moment(at), reason })),
      more ? h("p", {}, more) : null,
    );
  }

  actions(item) {
    const button = (act, name, key, look_, onclick) =>
      h("button", { type: "button", class: `btn btn-${look_}`, "data-do": act, onclick }, icon(name), say(act), h("kbd", { class: "key-hint", "aria-hidden": "true" }, key));
    const unclear = item.kind === "unclear" ? "_unclear" : "";
    const buttons = [button("hear", "play", "R", "secondary", () => this.player.playBefore(item.start_ms))];
    if (this.store.recording.can_decide && item.state === "open") {
      buttons.push(
        button(`confirm${unclear}`, "check", "C", "danger", () => this.ask("confirmed")),
        button(`dismiss${unclear}`, "cross", "D", "secondary", () => this.ask("dismissed")),
        button("not_now", "later", "E", "link", () => this.putOff()),
      );
    } else if (this.store.recording.can_decide && item.state === "confirmed" && this.store.reasons.withdraw) {
      buttons.push(button("withdraw", "retry", "D", "secondary", () => this.ask("withdrawn")));
    } else if (this.store.recording.can_decide && item.state === "dismissed") {
      buttons.push(button(`confirm${unclear}`, "check", "C", "secondary", () => this.ask("confirmed")));
    }
    return h("div", { class: "lq-actions detail-actions" }, ...buttons);
  }

  /* Open the form of a decision; asked from the keyboard it may be about an item that allows none. */
  ask(outcome) {
    const item = this.store.selected;
    if (!item || !this.store.recording.can_decide) return;
    if (item.state === "confirmed") outcome = outcome === "confirmed" ? "" : "withdrawn";
    if (item.state === "dismissed" && outcome !== "confirmed") outcome = "";
    if (!outcome || (outcome === "withdrawn" && !this.store.reasons.withdraw)) return;
    if (this.form?.outcome === outcome) return this.form.focus();
    const typed = this.form?.note || "";
    this.form = new DecisionForm(this.store, item, outcome, typed, { done: (answer) => this.done(item, answer), cancel: () => this.cancel() });
    this.slot.replaceChildren(this.form.element);
    this.form.focus();
    this.form.element.scrollIntoView({ block: "nearest" });
    return undefined;
  }

  cancel() {
    this.form = null;
    this.slot.replaceChildren();
    this.box.querySelector("[data-do]")?.focus();
  }

  done(item, answer) {
    this.form = null;
    this.store.decided(item.case_id, answer);
    const next = this.store.nextOpen(item);
    announce(`${say(`state_${answer.state}`)}. ${next ? say("left", { n: this.store.open.length }) : say("all_decided")}`);
    document.activeElement?.blur();
    this.store.select(next, { play: Boolean(next) && this.player.playing });
  }

  putOff() {
    const item = this.store.selected;
    if (!item || item.state !== "open") return;
    this.store.putOff(item);
    const next = this.store.nextOpen(item);
    document.activeElement?.blur();
    if (next && next !== item) this.store.select(next, { play: this.player.playing });
    announce(say("put_off"));
  }
}

export function moment(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso || "";
  return new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short", timeZone: "Asia/Shanghai" }).format(at);
}
