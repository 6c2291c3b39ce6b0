/* The list beside the text: what is to be decided, what was. */

import { clock } from "../format.js";
import { say } from "../texts.js";
import { h, icon, look } from "./dom.js";

export class Items {
  constructor(store, box) {
    Object.assign(this, { store, list: box.querySelector("[data-items]"), head: box.querySelector("[data-items-head]"), filters: box.querySelectorAll("[data-filter]") });
    this.known = new Map();
    this.empty = box.querySelector("[data-items-empty]");
    store.addEventListener("change", () => this.draw());
    store.addEventListener("select", () => this.selected());
    this.list.addEventListener("click", (event) => this.clicked(event));
    for (const button of this.filters) button.addEventListener("click", () => store.show(button.dataset.filter));
  }

  draw() {
    const { shown, open, items, filter } = this.store;
    this.head.textContent = say("items_head", { open: open.length, all: items.length });
    for (const button of this.filters) button.setAttribute("aria-pressed", String(button.dataset.filter === filter));
    this.arrange(shown.map((item) => this.drawn(item)));
    this.empty.hidden = shown.length > 0;
    const working = this.store.recording.state !== "ready";
    this.empty.textContent = items.length === 0 ? say(working ? "not_yet" : "nothing_found") : filter === "open" ? say("all_decided") : say("none_decided");
    this.mark();
  }

  /* Bring the list into this order and leave what stands right untouched: of 400, a decision changes one or two. */
  arrange(wanted) {
    const kept = new Set(wanted);
    for (const element of [...this.list.children]) if (!kept.has(element)) element.remove();
    let next = this.list.firstChild;
    for (const element of wanted) {
      if (element === next) next = next.nextSibling;
      else this.list.insertBefore(element, next);
    }
  }

  /* The item's row, drawn anew only when it looks different. */
  drawn(item) {
    const key = [item.state, item.quote, item.start_ms, this.store.later.has(item.uid)].join();
    const known = this.known.get(item.uid);
    if (known?.key === key) return known.element;
    const element = this.row(item);
    this.known.set(item.uid, { key, element });
    return element;
  }

  row(item) {
    const { tone, icon: name } = look(item);
    const later = this.store.later.has(item.uid) && item.state === "open";
    const word = item.kind === "unclear" ? say("unclear") : item.category_name;
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: `item lq-tone-${tone} is-${item.state}`, "data-item": item.uid },
        h("span", { class: "item-time lq-num" }, clock(item.start_ms)),
        h("span", { class: "item-words" }, item.quote || say("unclear_line", { left: Math.max(1, Math.round((item.end_ms - item.start_ms) / 1000)) })),
        h("span", { class: "item-kind" }, icon(later ? "later" : name), later ? `${word} · ${say("later")}` : item.state === "open" ? word : `${word} · ${say(`state_${item.state}`)}`),
      ),
    );
  }

  /* A decided item, asked for by its address, is shown too. */
  selected() {
    const { selected } = this.store;
    if (selected && !this.list.querySelector(`[data-item="${selected.uid}"]`)) this.draw();
    else this.mark();
  }

  mark() {
    const { selected } = this.store;
    this.list.querySelector("[aria-current]")?.removeAttribute("aria-current");
    const button = selected && this.list.querySelector(`[data-item="${selected.uid}"]`);
    if (!button) return;
    button.setAttribute("aria-current", "true");
    const { offsetTop: top, offsetHeight: height } = button;
    if (top < this.list.scrollTop || top + height > this.list.scrollTop + this.list.clientHeight) {
      this.list.scrollTop = top - this.list.clientHeight / 2 + height / 2;
    }
  }

  clicked(event) {
    const button = event.target.closest("[data-item]");
    if (!button) return;
    this.store.select(this.store.items.find((item) => item.uid === button.dataset.item), { play: true });
    if (event.detail > 0) button.blur(); // so that the space bar pauses
  }
}
