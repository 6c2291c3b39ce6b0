/* The text. Every segment is one row; the browser lays out only what is near the window (content-visibility),
   and words become elements of their own only where they are needed: under the pointer, playing, or coloured. */

import { clock } from "../format.js";
import { say } from "../texts.js";
import { h, icon, look } from "./dom.js";
import { lastStarted, piecesOf, wordStretches } from "./pieces.js";

const CHUNK = 12;
const CERTAIN = [50, 70, 85]; // percent: below the first, a word is as good as guessed

export class Rows {
  /* region: () => ({ top, covered, bottom }), the part of the window where text can be read */
  constructor(store, player, list, region) {
    Object.assign(this, { store, player, list, region, rows: [], now: -1, word: null, follow: true, certainty: false });
    this.seen = new IntersectionObserver((entries) => this.coloured(entries), { rootMargin: "400px" });
    for (const name of ["change", "spans"]) store.addEventListener(name, () => this.syncSoon());
    store.addEventListener("select", (event) => this.selected(event));
    player.addEventListener("time", () => this.playing());
    list.addEventListener("pointerover", (event) => this.enrich(this.indexOf(event.target)));
    list.addEventListener("click", (event) => this.clicked(event));
    for (const name of ["wheel", "touchmove"]) addEventListener(name, () => this.setFollow(false), { passive: true });
  }

  indexOf(element) {
    const row = element.closest?.("[data-i]");
    return row ? Number(row.dataset.i) : -1;
  }

  /* Several changes at once are drawn once, before the next frame. */
  syncSoon() {
    if (this.waiting) return;
    this.waiting = true;
    queueMicrotask(() => {
      this.waiting = false;
      this.sync();
    });
  }

  /* Draw the rows that are new or changed; the rest stays as it is. */
  sync() {
    const { segments } = this.store;
    const heads = this.headsBySegment();
    segments.forEach((segment, i) => {
      const items = this.store.startingIn(i);
      const key = this.keyOf(segment, i, items, heads.get(i));
      const row = this.rows[i];
      if (row?.key === key) return;
      const drawn = this.row(segment, i, items, heads.get(i) || []);
      this.rows[i] = Object.assign(drawn, { key });
      if (row) {
        this.seen.unobserve(row.element);
        row.element.replaceWith(drawn.element);
      } else this.chunk(i).append(drawn.element);
      if (i === this.now) drawn.element.classList.add("is-now");
      if (this.certainty) this.seen.observe(drawn.element);
    });
    for (const gone of this.rows.splice(segments.length)) gone.element.remove();
    this.list.dispatchEvent(new Event("drawn"));
  }

  /* Rows stand in chunks, and the browser skips chunks far from the window. Measured on two hours: skipping row by
     row costs three times the frame time of skipping by chunk, and not skipping makes every change repaint it all. */
  chunk(i) {
    const nth = Math.floor(i / CHUNK);
    while (this.list.children.length <= nth) this.list.append(h("ol", { class: "chunk" }));
    return this.list.children[nth];
  }

  keyOf(segment, i, items, heads = []) {
    const own = `${segment.id}.${segment.version}`;
    if (!items.length && !heads.length && !this.store.marks.has(i)) return own;
    const marks = this.store.marksIn(i).map(({ item, from, to }) => `${item.uid}${item.state}${from}-${to}`);
    const starts = items.map((item) => item.uid + item.state + this.store.later.has(item.uid));
    return [own, ...marks, "|", ...starts, "|", ...heads.map((span) => span.id + span.label + span.product_category + span.speaker_role)].join();
  }

  /* Where a product or speaker begins, its row says so. */
  headsBySegment() {
    const heads = new Map();
    for (const span of this.store.spans) {
      const i = Math.max(0, lastStarted(this.store.segments, span.start_ms + 500));
      heads.set(i, [...(heads.get(i) || []), span]);
    }
    return heads;
  }

  row(segment, i, items, heads) {
    const text = h("p", { class: "seg-text" });
    const element = h(
      "li",
      { class: `seg${segment.unintelligible ? " is-unclear" : ""}`, "data-i": i, id: `segment-${segment.id}` },
      ...(heads.length ? [h("div", { class: "seg-heads" }, ...heads.map((span) => this.head(span)))] : []),
      h("button", { type: "button", class: "seg-time", "data-act": "seek", "aria-label": say("play_from", { at: clock(segment.start_ms) }) }, clock(segment.start_ms)),
      h("div", { class: "seg-body" }, this.warning(segment), text),
      h("div", { class: "seg-side" }, ...items.map((item) => this.chip(item)), this.store.recording.can_correct && segment.words.length ? this.pencil(segment) : null),
    );
    const row = { element, text, rich: false };
    this.fill(row, i, false);
    return row;
  }

  head(span) {
    const product = span.kind === "product";
    const kind = product ? this.store.productNames.get(span.product_category) : span.speaker_role && say(`role_${span.speaker_role}`);
    return h("span", { class: "seg-head" }, icon(product ? "box" : "speaker"), [span.label, kind].filter(Boolean).join(" · ") || say("unknown"));
  }

  warning(segment) {
    if (segment.unintelligible) {
      const words = say(segment.text ? "unclear_text" : "unclear_line", { left: Math.max(1, Math.round((segment.end_ms - segment.start_ms) / 1000)) });
      return h("p", { class: "seg-warning" }, icon("ear"), words);
    }
    return segment.invented ? h("p", { class: "seg-warning" }, icon("unknown"), say("invented")) : null;
  }

  chip(item) {
    const { tone, icon: name } = look(item);
    const word = item.kind === "unclear" ? say("unclear") : item.category_name;
    const label = `${say(`state_${item.state}`)}, ${word}, ${item.quote}`;
    return h(
      "button",
      { type: "button", class: `chip lq-tone-${tone} is-${item.state}`, "data-act": "item", "data-item": item.uid, "aria-label": label },
      icon(this.store.later.has(item.uid) && item.state === "open" ? "later" : name),
      h("span", {}, word),
    );
  }

  pencil(segment) {
    return h("button", { type: "button", class: "seg-pencil", "data-act": "correct", "aria-label": say("correct_line", { at: clock(segment.start_ms) }), title: say("correct") }, icon("edit"));
  }

  fill(row, i, rich) {
    const segment = this.store.segments[i];
    const stretches = rich ? wordStretches(segment.text, segment.words) : [];
    const children = [];
    let group = null;
    for (const piece of piecesOf(segment.text, stretches, this.store.marksIn(i))) {
      const run = piece.word < 0 ? document.createTextNode(piece.text) : this.wordElement(segment.words[piece.word], piece);
      const uids = piece.items.map((item) => item.uid).join(" ");
      if (!uids) {
        group = null;
        children.push(run);
      } else if (group?.dataset.items === uids) group.append(run);
      else {
        group = this.markElement(piece.items, uids);
        group.append(run);
        children.push(group);
      }
    }
    row.text.replaceChildren(...children);
    row.rich = rich;
  }

  markElement(items, uids) {
    const gravest = items.reduce((a, b) => (b.state === "open" && (a.state !== "open" || b.severity > a.severity) ? b : a));
    const selected = items.includes(this.store.selected) ? " is-selected" : "";
    return h("mark", { class: `flag lq-tone-${look(gravest).tone} is-${gravest.state}${selected}`, "data-items": uids, "data-act": "flag", "data-item": gravest.uid });
  }

  wordElement([, , , probability, ...more], piece) {
    const level = CERTAIN.filter((limit) => probability >= limit).length;
    const original = originalOf(more);
    const told = original === null ? say("certainty", { n: `${probability} %` }) : say("heard_was", { word: original || "–" });
    return h("span", { class: `w c${level}${original === null ? "" : " is-edited"}`, "data-w": piece.word, title: told }, piece.text);
  }

  enrich(i) {
    const row = this.rows[i];
    if (row && !row.rich) this.fill(row, i, true);
    return row;
  }

  colour(on) {
    this.certainty = on;
    this.list.classList.toggle("is-certainty", on);
    if (on) for (const row of this.rows) this.seen.observe(row.element);
    else this.seen.disconnect();
  }

  coloured(entries) {
    for (const entry of entries) if (entry.isIntersecting) this.enrich(Number(entry.target.dataset.i));
  }

  /* ms at which a word starts, from its element */
  wordStart(element) {
    const segment = this.store.segments[this.indexOf(element)];
    return segment.words[Number(element.dataset.w)]?.[0] ?? segment.start_ms;
  }

  clicked(event) {
    const i = this.indexOf(event.target);
    const act = event.target.closest("[data-act]");
    if (i < 0 || event.target.closest("form")) return;
    if (act?.dataset.act === "seek") {
      this.setFollow(true);
      this.player.seek(this.store.segments[i].start_ms);
      this.player.play();
    } else if (act?.dataset.act === "item" || act?.dataset.act === "flag") {
      if (!getSelection().isCollapsed && act.dataset.act === "flag") return;
      this.store.select(this.store.items.find((item) => item.uid === act.dataset.item), { play: true, follow: false });
    } else if (!act && getSelection().isCollapsed && event.target.closest(".seg-text")) {
      this.enrich(i);
      const word = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-w]");
      if (word) this.player.seek(this.wordStart(word));
    }
    if (event.detail > 0 && act?.matches("button") && act.dataset.act !== "correct") act.blur(); // so that the space bar pauses
  }

  selected({ follow, play }) {
    const item = this.store.selected;
    if (this.outlined) this.outline(this.outlined, false);
    this.outlined = item;
    if (!item) return;
    this.outline(item, true);
    if (follow) this.bring(item.segment);
    if (follow || play) this.setFollow(true);
  }

  outline(item, on) {
    for (const row of this.rows.slice(item.segment, item.endSegment + 1)) {
      for (const mark of row.text.querySelectorAll("mark.flag")) {
        if (mark.dataset.items.split(" ").includes(item.uid)) mark.classList.toggle("is-selected", on);
      }
    }
  }

  /* Scroll a row into the upper half of what is free between player and sheet. Rows far away have estimated
     heights until they are laid out, so the aim is checked again when the scrolling has come to rest. */
  bring(i, checks = 3) {
    const element = this.rows[i]?.element;
    if (!element) return;
    const { top: from, covered, bottom: to } = this.region();
    const { top, bottom } = element.getBoundingClientRect();
    const room = to - from;
    if (top >= covered && bottom <= from + room * 0.8) return;
    const far = Math.abs(top - from) > 2 * innerHeight;
    this.aim = i;
    const again = () => this.aim === i && this.bring(i, checks - 1);
    scrollBy({ top: top - from - room * 0.25, behavior: far || checks < 3 ? "instant" : "smooth" });
    if (checks === 0) return;
    if (far || checks < 3 || !("onscrollend" in window)) requestAnimationFrame(again);
    else addEventListener("scrollend", again, { once: true });
  }

  playing() {
    const ms = this.player.ms;
    const i = this.store.segmentAt(ms);
    if (i !== this.now) {
      this.rows[this.now]?.element.classList.remove("is-now");
      this.rows[i]?.element.classList.add("is-now");
      this.now = i;
      this.enrich(i);
      if (this.follow && this.player.playing) this.bring(this.shownWhilePlaying(i, ms));
    }
    this.lightWord(ms, i);
  }

  /* On the way to the selected item, in the seconds before it, it is the one to look at. */
  shownWhilePlaying(i, ms) {
    const { selected } = this.store;
    return selected && i < selected.segment && selected.start_ms - ms < 6000 ? selected.segment : i;
  }

  lightWord(ms, i) {
    const words = this.store.segments[i]?.words || [];
    let at = words.length - 1;
    while (at >= 0 && words[at][0] > ms) at -= 1;
    if (this.word?.i === i && this.word.at === at && this.word.lit[0]?.isConnected) return;
    for (const element of this.word?.lit || []) element.classList.remove("is-now");
    const lit = at < 0 ? [] : [...this.enrich(i).text.querySelectorAll(`[data-w="${at}"]`)];
    for (const element of lit) element.classList.add("is-now");
    this.word = { i, at, lit };
  }

  setFollow(follow) {
    if (!follow) this.aim = -1;
    if (this.follow === follow) return;
    this.follow = follow;
    this.list.dispatchEvent(new Event("follow"));
  }
}

/* What the engine wrote before somebody corrected the word, null when nobody did. */
export function originalOf([first, second]) {
  if (typeof first === "string") return first;
  return first ? second ?? "" : null;
}
