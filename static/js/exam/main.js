/* The exam room: every change is saved by itself, the server's clock counts, and an outage loses nothing. */

import { call } from "../http.js";
import { say } from "../texts.js";
import { isComplete, keepRanksApart, putAnswer, readAnswer } from "./answers.js";
import { Queue } from "./queue.js";
import { chosenPath, drawScenes } from "./scenes.js";

const exam = JSON.parse(document.getElementById("exam").textContent);
const form = document.querySelector("[data-exam]");
const handIn = document.querySelector("[data-submit]");
const status = document.querySelector("[data-saved]");
const clock = document.querySelector("[data-clock]");
const boxes = new Map([...form.querySelectorAll("[data-slot]")].map((box) => [Number(box.dataset.slot), box]));
const queue = new Queue(exam, tell);
const typing = new Map();
let end = performance.now() + exam.left_ms; // measured, not read from the client's clock
let over = false;
const warned = new Set();

function tell(what, body) {
  if (what === "saved") status.textContent = say("saved");
  if (what === "saving") status.textContent = say("saving");
  if (what === "waiting") status.textContent = say("waiting", { n: queue.waiting() });
  if (what === "signed_out") status.textContent = say("signed_out");
  if (what === "refused") status.textContent = body.message || say("refused");
  if (what === "answer") {
    end = performance.now() + body.left_ms;
    for (const [slot, scenes] of Object.entries(body.scenes)) drawScenes(boxes.get(Number(slot)), scenes);
    if (body.closed) leave();
    else if (body.late.length) status.textContent = say("late");
    count();
  }
}

/* ── answering ── */

function changed(box) {
  queue.put(Number(box.dataset.slot), readAnswer(box)).then(count);
  count();
}

form.addEventListener("change", (event) => {
  const box = event.target.closest("[data-slot]");
  if (!box || box.dataset.type === "scenario") return;
  window.clearTimeout(typing.get(box));
  typing.delete(box);
  changed(box);
});

form.addEventListener("focusout", (event) => {
  const box = event.target.closest("[data-type='ordering']");
  if (box && keepRanksApart(box, event.target)) changed(box);
});

form.addEventListener("input", (event) => {
  const box = event.target.closest("[data-type='fill_in']");
  if (!box) return;
  window.clearTimeout(typing.get(box));
  typing.set(box, window.setTimeout(() => { typing.delete(box); changed(box); }, 1500));
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const box = event.submitter?.closest("[data-type='scenario']");
  const chosen = box?.querySelector("input:checked");
  if (chosen) queue.put(Number(box.dataset.slot), [...chosenPath(box), Number(chosen.value)]);
});

function settleTyping() {
  for (const [box, timer] of typing) {
    window.clearTimeout(timer);
    changed(box);
  }
  typing.clear();
}

/* ── what is open ── */

function isAnswered(box) {
  if (box.dataset.type === "scenario") return !box.querySelector("[data-choose]");
  return isComplete(box);
}

function count() {
  let open = 0;
  for (const [slot, box] of boxes) {
    const link = document.querySelector(`[data-nav="${slot}"]`);
    const done = isAnswered(box);
    open += done ? 0 : 1;
    link.classList.toggle("lq-answered", done);
    link.querySelector("[data-state]").textContent = say(done ? "answered" : "unanswered");
  }
  document.querySelector("[data-open-count]").textContent = open ? say("open", { n: open }) : say("all");
}

/* ── the clock ── */

function tick() {
  const left = Math.max(0, end - performance.now());
  const seconds = Math.ceil(left / 1000);
  clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  for (const [limit, text] of [[300, "five"], [60, "one"]]) {
    if (seconds <= limit && !warned.has(limit)) {
      warned.add(limit);
      if (seconds > limit - 5) status.textContent = say(text);
    }
  }
  if (!left && !over) {
    over = true;
    status.textContent = say("over");
    settleTyping();
    queue.flush().then((sent) => sent && leave());
  }
}

function leave() {
  if (queue.waiting()) return;
  queue.clear();
  location.assign(exam.result);
}

/* ── handing in ── */

let sure = false;
handIn.hidden = false;
handIn.addEventListener("submit", async (event) => {
  if (sure) return;
  event.preventDefault();
  event.stopPropagation();
  settleTyping();
  if (!(await queue.flush())) {
    status.textContent = say("not_yet");
    return;
  }
  sure = true;
  queue.clear();
  window.setTimeout(() => handIn.requestSubmit()); // a form refuses while its own submit event still runs
});

/* ── what a reviewer may want to know ── */

document.addEventListener("visibilitychange", () => {
  call("POST", exam.events, { kind: document.hidden ? "left" : "returned" }).catch(() => {});
});

/* ── sound ── */

for (const button of form.querySelectorAll("[data-play]")) {
  button.hidden = button.dataset.end === "0";
  button.addEventListener("click", () => {
    const audio = button.closest("[data-slot]").querySelector("audio");
    const stop = Number(button.dataset.end) / 1000;
    const watch = () => {
      if (audio.currentTime < stop) return;
      audio.pause();
      audio.removeEventListener("timeupdate", watch);
    };
    audio.currentTime = Number(button.dataset.start) / 1000;
    audio.addEventListener("timeupdate", watch);
    audio.play();
  });
}

for (const [slot, answer] of queue.unsent()) {
  const box = boxes.get(slot);
  if (box) putAnswer(box, answer);
}
for (const box of form.querySelectorAll("[data-type='scenario']")) {
  box.dataset.path = [...box.querySelectorAll("[data-chosen]")].map((one) => one.dataset.chosen).join(",");
}
count();
tick();
window.setInterval(tick, 500);
queue.flush();
