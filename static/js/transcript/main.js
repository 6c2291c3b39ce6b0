/* The transcript page: put the parts together. */

import { clock } from "../format.js";
import { call, Dropped, SignedOut } from "../http.js";
import { say } from "../texts.js";
import { Detail } from "./detail.js";
import { announce, h, look, note, setIcon } from "./dom.js";
import { Find } from "./find.js";
import { Items } from "./items.js";
import { listen } from "./keys.js";
import { Marks } from "./marks.js";
import { Player } from "./player.js";
import { Progress } from "./progress.js";
import { Rows } from "./rows.js";
import { Store } from "./store.js";
import { fetchPeaks, Wave } from "./wave.js";
import { Words } from "./words.js";

const RESCAN_MS = [4000, 12000]; // a corrected word is judged anew on the server; look twice for what came of it

const page = document.querySelector("[data-transcript]");
const part = (name) => page.querySelector(`[data-part="${name}"]`);
const store = new Store();
const player = new Player(part("audio"));
const rows = new Rows(store, player, part("rows"), region);
const wave = new Wave(store, player, part("wave"));
const items = new Items(store, part("side"));
const detail = new Detail(store, player, part("detail"));
const words = new Words(store, rows, player);
const marks = new Marks(store, player, { list: part("spans"), pill: part("pill"), dialog: part("mark-dialog"), empty: part("spans-empty") });
const find = new Find(store, rows, player, { input: part("find"), count: part("found"), previous: part("find-previous"), next: part("find-next") });

/* What is free for reading once the player sticks to the top: below it, above the sheet where there is one.
   `covered` is how far down the player reaches now. */
function region() {
  const side = part("side");
  const sheet = getComputedStyle(side).position === "fixed";
  const { height, bottom } = part("player").getBoundingClientRect();
  return { top: height, covered: Math.max(height, bottom), bottom: sheet ? side.getBoundingClientRect().top : innerHeight };
}

async function load() {
  const document_ = await call("GET", page.dataset.transcriptUrl);
  player.load(document_.recording.media_url, document_.recording.duration_ms);
  store.load(document_);
  part("total").textContent = clock(store.recording.duration_ms);
  page.classList.toggle("can-mark", store.recording.can_mark);
  part("player").hidden = !store.recording.media_url;
  part("desk").hidden = store.segments.length === 0 && store.recording.state !== "ready";
  part("empty").hidden = store.segments.length > 0 || store.recording.state !== "ready";
  if (!wave.peaks && store.recording.peaks_url) {
    wave.peaks = await fetchPeaks(store.recording.peaks_url).catch(() => null);
    wave.draw();
  }
}

/* Look again, without losing the place. What is being typed is left alone. */
async function reload() {
  if (page.querySelector("form.decision, .word-box, dialog[open]")) return;
  await load().catch((error) => {
    if (!(error instanceof Dropped)) throw error;
  });
}

/* What the head of the page offers (exports, imports, length) comes with the finished work. */
async function renewHead() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".lq-head");
  if (fresh) document.querySelector(".lq-head").replaceWith(document.adoptNode(fresh));
}

function rescanSoon() {
  for (const wait of RESCAN_MS) setTimeout(reload, wait);
}

function goToAsked() {
  const asked = new URLSearchParams(location.search).get("case") || location.hash.match(/^#case-(\d+)$/)?.[1];
  const at = location.hash.match(/^#t=(\d+(?:\.\d+)?)$/)?.[1];
  const item = asked && store.items.find(({ case_id: id }) => id === Number(asked));
  if (item) {
    store.select(item);
    player.seek(item.start_ms - 3000);
  } else if (at) {
    player.seek(Number(at) * 1000);
    rows.bring(store.segmentAt(player.ms || Number(at) * 1000));
  } else if (matchMedia("(min-width: 62rem)").matches && store.recording.can_decide && store.open[0]) {
    store.select(store.open[0], { follow: false });
  }
}

function drawPlayer() {
  setIcon(part("play"), player.playing ? "pause" : "play");
  part("play").setAttribute("aria-label", say(player.playing ? "pause" : "play"));
  part("play").disabled = !player.ready;
  part("rate").value = String(player.audio.playbackRate);
  part("sound-problem").hidden = !player.failed;
}

function drawTime() {
  part("now").textContent = clock(player.ms);
}

function step(by, wanted) {
  const item = store.neighbour(by, player.ms, wanted);
  if (!item) return announce(say(by > 0 ? "no_next" : "no_previous"));
  store.select(item, { play: player.playing });
  if (!player.playing) player.seek(item.start_ms - 3000);
  const open = store.shown.indexOf(item) + 1;
  return announce(`${open}/${store.shown.length}. ${item.kind === "unclear" ? say("unclear") : `${item.category_name}. ${item.quote}`}. ${clock(item.start_ms)}`);
}

/* The next stretch that was not understood, decided or not. */
function nextUnclear() {
  const from = store.selected?.kind === "unclear" ? store.selected.start_ms : player.ms;
  const unclear = store.items.filter((item) => item.kind === "unclear");
  const item = unclear.find((one) => one.start_ms > from) || unclear[0];
  if (item) store.select(item, { play: true });
  else announce(say("no_unclear"));
}

function toggleCertainty() {
  const on = part("certainty").getAttribute("aria-pressed") !== "true";
  part("certainty").setAttribute("aria-pressed", String(on));
  part("legend").hidden = !on;
  rows.colour(on);
}

function setRate(rate) {
  player.rate = rate;
  localStorage.setItem("livequal.rate", String(rate));
}

function showTab(name) {
  for (const tab of page.querySelectorAll("[data-tab]")) {
    const on = tab.dataset.tab === name;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    page.querySelector(`#${tab.getAttribute("aria-controls")}`).hidden = !on;
  }
}

/* On a phone the side is a sheet from below. */
function openSheet(open) {
  page.classList.toggle("is-sheet-open", open);
  part("sheet-toggle").setAttribute("aria-expanded", String(open));
}

function drawSheetHead() {
  const { selected } = store;
  part("sheet-words").textContent = selected && page.classList.contains("is-sheet-open") ? `${clock(selected.start_ms)} ${selected.kind === "unclear" ? say("unclear") : selected.category_name}` : say("items_head", { open: store.open.length, all: store.items.length });
  setIcon(part("sheet-toggle"), selected ? look(selected).icon : "flag");
}

store.addEventListener("select", ({ play }) => {
  const { selected } = store;
  if (selected && play) player.playBefore(selected.start_ms);
  if (selected) {
    showTab("items");
    openSheet(true);
  }
  part("side").scrollTop = 0;
  drawSheetHead();
});
store.addEventListener("change", drawSheetHead);
player.addEventListener("state", drawPlayer);
player.addEventListener("time", drawTime);
words.addEventListener("corrected", rescanSoon);
marks.addEventListener("marked", rescanSoon);
rows.list.addEventListener("follow", () => (part("follow").hidden = rows.follow || !player.playing));
player.addEventListener("state", () => (part("follow").hidden = rows.follow || !player.playing));

const acts = {
  " ": () => player.toggle(),
  j: () => step(1),
  k: () => step(-1),
  n: () => step(1, (item) => item.state === "open"),
  u: nextUnclear,
  r: () => store.selected && player.playBefore(store.selected.start_ms),
  c: () => detail.ask("confirmed"),
  d: () => detail.ask("dismissed"),
  e: () => detail.putOff(),
  p: () => marks.press("product"),
  s: () => marks.press("speaker"),
  w: toggleCertainty,
  "/": () => part("find").focus(),
  ArrowLeft: () => player.seek(player.ms - 5000),
  ArrowRight: () => player.seek(player.ms + 5000),
  1: () => setRate(1),
  2: () => setRate(1.25),
  3: () => setRate(1.5),
  4: () => setRate(2),
  Escape: () => {
    marks.stop();
    if (page.classList.contains("is-sheet-open")) openSheet(false);
  },
};
listen(acts, { help: part("help") });

const on = (name, act) => part(name).addEventListener("click", (event) => {
  act();
  if (event.detail > 0) event.currentTarget.blur(); // so that the space bar plays and pauses
});
on("play", acts[" "]);
on("back", () => player.seek(player.ms - 5000));
on("ahead", () => player.seek(player.ms + 5000));
on("previous", acts.k);
on("next", acts.j);
on("next-unclear", nextUnclear);
on("certainty", toggleCertainty);
on("mark-product", acts.p);
on("mark-speaker", acts.s);
on("pill-end", () => marks.press(marks.begun.kind));
on("pill-cancel", () => marks.stop());
on("retry-sound", () => player.retry());
on("open-help", () => part("help").showModal());
on("follow", () => {
  rows.setFollow(true);
  rows.bring(rows.now);
});
on("tools-toggle", () => {
  const open = page.classList.toggle("is-tools-open");
  part("tools-toggle").setAttribute("aria-expanded", String(open));
});
on("sheet-toggle", () => {
  const open = !page.classList.contains("is-sheet-open");
  openSheet(open);
  if (!open && store.selected) store.select(null);
  drawSheetHead();
});
part("rate").addEventListener("change", (event) => setRate(Number(event.target.value)));
for (const tab of page.querySelectorAll("[data-tab]")) {
  tab.addEventListener("click", () => showTab(tab.dataset.tab));
  tab.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.stopPropagation();
    const other = [...page.querySelectorAll("[data-tab]")].find((one) => one !== tab);
    showTab(other.dataset.tab);
    other.focus();
  });
}
new ResizeObserver(([entry]) => page.style.setProperty("--player-height", `${Math.ceil(entry.borderBoxSize[0].blockSize)}px`)).observe(part("player"));

setRate(Number(localStorage.getItem("livequal.rate")) || 1);
if (page.dataset.progressUrl) {
  const progress = new Progress(part("progress"), page.dataset.progressUrl);
  progress.addEventListener("ready", () => Promise.all([reload(), renewHead()]));
  progress.addEventListener("text", reload);
  progress.start();
}
part("loading").textContent = say("loading");
try {
  await load();
  goToAsked();
} catch (error) {
  if (!(error instanceof Dropped) && !(error instanceof SignedOut)) throw error;
  part("rows").before(note("stop", "warning", h("p", {}, say(error instanceof SignedOut ? "signed_out" : "not_loaded"))));
} finally {
  part("loading").hidden = true;
  page.dataset.loaded = "true";
}
