/* The timeline: the whole recording on one line, and a minute to either side of the playing moment below it.
   Both show the waveform, the items, and who speaks about which product. */

import { clock } from "../format.js";
import { say } from "../texts.js";
import { look } from "./dom.js";

const NEAR_MS = 120000;
const NAMES_PX = 18; // the line above the lower picture: what is explained and who speaks
const TICK_PX = 5;
const STEPS = { ArrowLeft: -5000, ArrowRight: 5000, PageDown: 60000, PageUp: -60000 };

export async function fetchPeaks(url) {
  const answer = await fetch(url);
  if (!answer.ok) return null;
  const { per_second: perSecond, peaks } = await answer.json();
  return { perSecond, loud: Uint8Array.from(atob(peaks), (c) => c.charCodeAt(0)) };
}

export class Wave {
  constructor(store, player, box) {
    Object.assign(this, { store, player, box, peaks: null });
    const part = (name) => box.querySelector(`[data-wave="${name}"]`);
    this.whole = { canvas: part("whole"), head: part("head"), slider: part("slider"), hover: part("hover") };
    this.near = { canvas: part("near"), box: part("near-box") };
    this.tones();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.tones();
      this.draw();
    });
    new ResizeObserver(() => this.draw()).observe(box);
    for (const name of ["change", "select", "spans"]) store.addEventListener(name, () => this.draw());
    player.addEventListener("time", () => this.moved());
    this.listen();
  }

  tones() {
    const style = getComputedStyle(this.box);
    const names = ["accent", "accent-tint", "ink", "ink-soft", "line", "line-strong", "surface", "sunken", "stop", "proof", "unknown", "holds"];
    this.colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--lq-${name}`).trim()]));
  }

  listen() {
    const { slider, hover } = this.whole;
    const msAt = (event) => this.msAt(event.clientX, slider);
    slider.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      slider.setPointerCapture(event.pointerId);
      this.dragged = false;
    });
    slider.addEventListener("pointermove", (event) => {
      const ms = msAt(event);
      hover.textContent = clock(ms);
      hover.style.setProperty("transform", `translateX(${Math.min(event.clientX - slider.getBoundingClientRect().left, slider.clientWidth - 60)}px)`);
      if (slider.hasPointerCapture(event.pointerId) && event.buttons) {
        this.dragged = true;
        this.player.seek(ms);
      }
    });
    slider.addEventListener("click", (event) => {
      if (this.dragged) return;
      const item = this.itemNear(event);
      if (item) this.store.select(item, { play: true });
      else this.player.seek(msAt(event));
    });
    slider.addEventListener("keydown", (event) => {
      const step = event.key === "Home" ? -Infinity : event.key === "End" ? Infinity : STEPS[event.key];
      if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.player.seek(Math.max(0, Math.min(this.player.ms + step, this.duration)));
    });
    this.near.canvas.addEventListener("click", (event) => {
      const box = this.near.canvas.getBoundingClientRect();
      this.player.seek(this.nearStart + ((event.clientX - box.left) / box.width) * this.nearLength);
    });
  }

  get duration() {
    return this.store.recording.duration_ms || 1;
  }

  get nearLength() {
    return Math.min(NEAR_MS, this.duration);
  }

  get nearStart() {
    return Math.max(0, Math.min(this.player.ms - this.nearLength / 2, this.duration - this.nearLength));
  }

  msAt(x, element) {
    const box = element.getBoundingClientRect();
    return Math.max(0, Math.min((x - box.left) / box.width, 1)) * this.duration;
  }

  /* A tick under the pointer: the open and grave ones are meant first. */
  itemNear(event) {
    const { slider } = this.whole;
    const box = slider.getBoundingClientRect();
    if (event.clientY - box.top < box.height * 0.55) return null; // the waveform itself: a jump
    const px = (item) => Math.abs((item.start_ms / this.duration) * box.width - (event.clientX - box.left));
    const close = this.store.items.filter((item) => px(item) <= TICK_PX);
    return close.sort((a, b) => (b.state === "open") - (a.state === "open") || b.severity - a.severity)[0] || null;
  }

  moved() {
    const { ms } = this.player;
    const { head, slider } = this.whole;
    head.style.setProperty("transform", `translateX(${(ms / this.duration) * (this.width || 0)}px)`);
    const second = Math.floor(ms / 1000);
    if (second !== this.second) {
      this.second = second;
      slider.setAttribute("aria-valuenow", String(second));
      slider.setAttribute("aria-valuetext", clock(ms));
    }
    this.drawNear();
  }

  draw() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      this.whole.slider.setAttribute("aria-valuemax", String(Math.floor(this.duration / 1000)));
      this.drawWhole();
      this.moved();
    });
  }

  surface(canvas) {
    const { clientWidth: width, clientHeight: height } = canvas;
    const density = Math.min(devicePixelRatio || 1, 2);
    if (canvas.width !== Math.round(width * density)) canvas.width = Math.round(width * density);
    if (canvas.height !== Math.round(height * density)) canvas.height = Math.round(height * density);
    const pen = canvas.getContext("2d");
    pen.setTransform(density, 0, 0, density, 0, 0);
    pen.clearRect(0, 0, width, height);
    return { pen, width, height };
  }

  drawWhole() {
    const { pen, width, height } = this.surface(this.whole.canvas);
    this.width = width;
    const scale = { from: 0, to: this.duration, width };
    const waveHeight = height * 0.5;
    this.drawSpans(pen, scale, height - 8, 8, false);
    this.drawSound(pen, scale, 0, waveHeight, this.wholeColumns(scale));
    for (const item of this.store.items) this.drawTick(pen, scale, item, waveHeight + 2, height - waveHeight - 12);
  }

  drawNear() {
    if (!this.near.box.offsetParent) return; // small screens leave it out
    const { pen, width, height } = this.surface(this.near.canvas);
    const from = this.nearStart;
    const scale = { from, to: from + this.nearLength, width };
    this.drawSound(pen, scale, NAMES_PX, height - 12 - NAMES_PX);
    for (const item of this.store.items) {
      if (item.end_ms < from || item.start_ms > scale.to) continue;
      pen.fillStyle = this.colours[look(item).tone];
      pen.globalAlpha = item === this.store.selected ? 0.45 : item.state === "open" ? 0.28 : 0.12;
      const x = this.x(scale, item.start_ms);
      pen.fillRect(x, NAMES_PX, Math.max(3, this.x(scale, item.end_ms) - x), height - 12 - NAMES_PX);
      pen.globalAlpha = 1;
    }
    this.drawSpans(pen, scale, height - 10, 10, true);
    pen.fillStyle = this.colours.ink;
    pen.fillRect(this.x(scale, this.player.ms) - 1, NAMES_PX, 2, height - NAMES_PX);
  }

  x({ from, to, width }, ms) {
    return ((ms - from) / (to - from)) * width;
  }

  /* Two hours have 144,000 peaks: they are looked through once per width. */
  wholeColumns(scale) {
    const key = `${scale.width} ${scale.to} ${this.peaks?.loud.length}`;
    if (this.columns?.key !== key) this.columns = { key, loud: this.peaks && this.loudest(scale) };
    return this.columns.loud;
  }

  /* The loudest peak of each pixel, 0-127 */
  loudest({ from, to, width }) {
    const { loud, perSecond } = this.peaks;
    const perPixel = ((to - from) / 1000) * (perSecond / width);
    const first = (from / 1000) * perSecond;
    return Uint8Array.from({ length: Math.ceil(width) }, (_, x) => {
      const start = Math.floor(first + x * perPixel);
      const end = Math.max(start + 1, Math.floor(first + (x + 1) * perPixel));
      let most = 0;
      for (let i = start; i < end && i < loud.length; i += 1) if (loud[i] > most) most = loud[i];
      return most;
    });
  }

  drawSound(pen, scale, top, height, columns = null) {
    const middle = top + height / 2;
    pen.fillStyle = this.colours["line-strong"];
    if (!this.peaks) {
      pen.fillRect(0, middle, scale.width, 1);
      return;
    }
    const loud = columns || this.loudest(scale);
    for (let x = 0; x < loud.length; x += 1) {
      const half = Math.max(0.5, (loud[x] / 127) * (height / 2 - 1));
      pen.fillRect(x, middle - half, 1, 2 * half);
    }
  }

  /* Height tells severity, so that colour is not alone; decided ones are hollow. */
  drawTick(pen, scale, item, top, room) {
    const x = this.x(scale, item.start_ms);
    const wide = item.kind === "unclear" ? Math.max(4, this.x(scale, item.end_ms) - x) : 2;
    const height = item.kind === "unclear" ? room * 0.4 : room * (0.4 + 0.15 * item.severity);
    pen.fillStyle = this.colours[look(item).tone];
    pen.globalAlpha = item.state === "open" ? 1 : 0.35;
    pen.fillRect(x - 1, top + room - height, wide, height);
    pen.globalAlpha = 1;
    if (item !== this.store.selected) return;
    pen.strokeStyle = this.colours.ink;
    pen.lineWidth = 1.5;
    pen.strokeRect(x - 3.5, top + room - height - 2, wide + 5, height + 3);
  }

  drawSpans(pen, scale, top, height, named) {
    const half = height / 2;
    for (const span of this.store.spans) {
      if (span.end_ms < scale.from || span.start_ms > scale.to) continue;
      const product = span.kind === "product";
      const lane = top + (product ? 0 : half);
      const x = Math.max(0, this.x(scale, span.start_ms));
      const wide = Math.min(scale.width, this.x(scale, span.end_ms)) - x;
      pen.fillStyle = product ? this.colours.accent : this.colours["ink-soft"];
      pen.globalAlpha = product ? 0.7 : 0.45;
      pen.fillRect(x, lane, Math.max(1, wide - 1), half - 1);
      pen.globalAlpha = 1;
    }
    if (named) this.nameSpans();
  }

  /* Names stand in the page, not in the picture, so that they can be read aloud and enlarged. */
  nameSpans() {
    const here = this.store.spansAt(this.player.ms);
    const name = (kind) => here.find((span) => span.kind === kind);
    const product = name("product");
    const speaker = name("speaker");
    const words = [
      product ? product.label || this.store.productNames.get(product.product_category) : say("no_product"),
      speaker ? speaker.label || say(`role_${speaker.speaker_role || "unknown"}`) : say("no_speaker"),
    ].join(" · ");
    const line = this.box.querySelector("[data-wave='here']");
    if (line.textContent !== words) line.textContent = words;
  }
}
