/* Search in this transcript. Hits are painted with the CSS highlight API where the browser has it;
   everywhere the row of the current hit is brought into view. */

import { say } from "../texts.js";

const PAINT = "highlights" in CSS && typeof Highlight === "function";
const WAIT_MS = 120;

export class Find {
  constructor(store, rows, player, { input, count, previous, next }) {
    Object.assign(this, { store, rows, player, input, count, hits: [], at: -1 });
    input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.search(), WAIT_MS);
    });
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") this.step(event.shiftKey ? -1 : 1);
      if (event.key === "Escape") this.clear();
    });
    previous.addEventListener("click", () => this.step(-1));
    next.addEventListener("click", () => this.step(1));
    rows.list.addEventListener("drawn", () => this.hits.length && this.paint());
    store.addEventListener("change", () => this.input.value && this.search({ stay: true }));
  }

  search({ stay = false } = {}) {
    const words = this.input.value.trim().toLowerCase();
    this.hits = [];
    if (words) {
      this.store.segments.forEach(({ text }, i) => {
        const low = text.toLowerCase();
        for (let from = low.indexOf(words); from >= 0; from = low.indexOf(words, from + words.length)) this.hits.push({ i, from, to: from + words.length });
      });
    }
    if (stay) this.at = Math.min(this.at, this.hits.length - 1);
    else {
      const here = this.hits.findIndex((hit) => hit.i >= Math.max(0, this.rows.now));
      this.at = this.hits.length ? Math.max(0, here) : -1;
      if (this.at >= 0) this.bring();
    }
    this.paint();
  }

  step(by) {
    if (!this.hits.length) return this.input.value.trim() ? this.search() : undefined;
    this.at = (this.at + by + this.hits.length) % this.hits.length;
    this.bring();
    this.paint();
    return undefined;
  }

  bring() {
    this.rows.setFollow(false);
    this.rows.bring(this.hits[this.at].i);
  }

  clear() {
    this.input.value = "";
    this.search();
    this.input.blur();
  }

  paint() {
    const { hits, at } = this;
    this.count.textContent = this.input.value.trim() ? (hits.length ? say("found", { n: at + 1, all: hits.length }) : say("found_none")) : "";
    const marked = this.rows.list.querySelector(".is-found");
    marked?.classList.remove("is-found");
    this.rows.rows[hits[at]?.i]?.element.classList.add("is-found");
    if (!PAINT) return;
    const ranges = hits.map((hit) => this.range(hit));
    CSS.highlights.set("found", new Highlight(...ranges.filter((range, n) => range && n !== at)));
    CSS.highlights.set("found-now", new Highlight(...(ranges[at] ? [ranges[at]] : [])));
  }

  range({ i, from, to }) {
    const walker = document.createTreeWalker(this.rows.rows[i].text, NodeFilter.SHOW_TEXT);
    const range = new Range();
    let passed = 0;
    let begun = false;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const end = passed + node.length;
      if (!begun && from < end) {
        range.setStart(node, from - passed);
        begun = true;
      }
      if (begun && to <= end) {
        range.setEnd(node, to - passed);
        return range;
      }
      passed = end;
    }
    return null;
  }
}
