/* What the page knows: segments, items to decide (flags and stretches not understood), the timeline, what is selected.
   Events: change (items or segments), select, spans. */

import { anchored, lastStarted, unitsOf } from "./pieces.js";

const OPEN = "open";

export class Store extends EventTarget {
  constructor() {
    super();
    Object.assign(this, { recording: {}, segments: [], items: [], spans: [], filter: OPEN, selected: null, later: new Set() });
  }

  load(document) {
    Object.assign(this, document);
    this.place = new Map(this.segments.map((segment, i) => [segment.id, i]));
    this.categoryNames = new Map(this.categories.map(({ slug, name }) => [slug, name]));
    this.productNames = new Map(this.product_categories.map(({ slug, name }) => [slug, name]));
    this.items = [...this.flags.map((flag) => this.flagItem(flag)), ...this.unclear.map((stretch) => this.unclearItem(stretch))]
      .filter((item) => item.state !== "superseded")
      .sort((a, b) => a.start_ms - b.start_ms || b.severity - a.severity);
    this.marks = this.marksBySegment();
    this.starting = new Map();
    for (const item of this.items) this.starting.set(item.segment, [...(this.starting.get(item.segment) || []), item]);
    this.later = new Set(JSON.parse(sessionStorage.getItem(this.laterKey) || "[]"));
    const before = this.selected;
    this.selected = this.items.find((item) => item.uid === before?.uid) || null;
    this.dispatchEvent(new Event("change"));
    this.dispatchEvent(new Event("spans"));
    if (before || this.selected) this.dispatchEvent(new Event("select"));
  }

  get laterKey() {
    return `livequal.later.${this.recording.id}`;
  }

  flagItem(flag) {
    const segment = this.place.get(flag.segment_id) ?? Math.max(0, lastStarted(this.segments, flag.start_ms));
    return { ...flag, kind: "flag", uid: `f${flag.id}`, version: flag.case_version, segment, endSegment: this.place.get(flag.end_segment_id) ?? segment };
  }

  unclearItem(stretch) {
    const segment = Math.max(0, lastStarted(this.segments, stretch.start_ms));
    return { ...stretch, kind: "unclear", uid: `u${stretch.case_id}`, version: stretch.case_version, severity: 0, segment, endSegment: segment, quote: "" };
  }

  /* For each segment the flags on it, in UTF-16 units of its text. */
  marksBySegment() {
    const marks = new Map();
    for (const item of this.items) {
      if (item.kind !== "flag") continue;
      for (let i = item.segment; i <= item.endSegment && i < this.segments.length; i += 1) {
        const { text } = this.segments[i];
        const unit = unitsOf(text);
        let from = i === item.segment ? unit(item.start) : 0;
        let to = i === item.endSegment ? unit(item.end) : text.length;
        if (item.segment === item.endSegment) [from, to] = anchored(text, from, to, item.quote);
        if (!marks.has(i)) marks.set(i, []);
        marks.get(i).push({ item, from, to });
      }
    }
    return marks;
  }

  marksIn(i) {
    return this.marks.get(i) || [];
  }

  startingIn(i) {
    return this.starting.get(i) || [];
  }

  segmentAt(ms) {
    return lastStarted(this.segments, ms);
  }

  spansAt(ms) {
    return this.spans.filter((span) => span.start_ms <= ms && ms < span.end_ms);
  }

  get open() {
    return this.items.filter((item) => item.state === OPEN);
  }

  get shown() {
    if (this.filter === "all") return this.items;
    return this.items.filter((item) => (item.state === OPEN) === (this.filter === OPEN) || item === this.selected);
  }

  show(filter) {
    this.filter = filter;
    this.dispatchEvent(new Event("change"));
  }

  select(item, { play = false, follow = true } = {}) {
    this.selected = item;
    this.dispatchEvent(Object.assign(new Event("select"), { play, follow }));
  }

  /* The next (1) or previous (-1) shown item, from the selected one or from the playing moment. */
  neighbour(step, ms, wanted = () => true) {
    const items = this.shown.filter((item) => item === this.selected || wanted(item));
    const at = items.indexOf(this.selected);
    if (at >= 0) return items[at + step] || null;
    return step > 0 ? items.find((item) => item.start_ms > ms) || null : items.findLast((item) => item.start_ms < ms) || null;
  }

  /* The open item to do after this one: later ones first, then from the beginning, those put off at the end. */
  nextOpen(after) {
    const open = this.open.filter((item) => item !== after);
    const now = open.filter((item) => !this.later.has(item.uid));
    return now.find((item) => item.start_ms >= after.start_ms) || now[0] || open[0] || null;
  }

  putOff(item) {
    this.later.add(item.uid);
    sessionStorage.setItem(this.laterKey, JSON.stringify([...this.later]));
    this.dispatchEvent(new Event("change"));
  }

  /* One case may stand behind several items. */
  decided(caseId, { state, version, decision }) {
    for (const item of this.items.filter(({ case_id: id }) => id === caseId)) Object.assign(item, { state, version, decision });
    this.dispatchEvent(new Event("change"));
  }

  corrected(segment) {
    this.segments[this.place.get(segment.id)] = segment;
    this.marks = this.marksBySegment();
    this.dispatchEvent(new Event("change"));
  }

  timeline(spans) {
    this.spans = spans.sort((a, b) => a.start_ms - b.start_ms);
    this.dispatchEvent(new Event("spans"));
  }
}
