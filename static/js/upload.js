/* The upload page: files chosen or dropped go into a queue and are sent one after the other. */

import { bytes } from "./format.js";
import { call } from "./http.js";
import { say } from "./texts.js";
import { fingerprint } from "./upload/memory.js";
import { Row } from "./upload/row.js";
import { Sender } from "./upload/sender.js";

const form = document.querySelector("[data-upload]");
const list = form.querySelector("[data-queue]");
const template = document.getElementById("upload-row");
const announcer = form.querySelector("[data-announce]");
const picker = form.querySelector("[data-picker]");
const zone = form.querySelector("[data-drop]");
const limit = Number(form.dataset.maxBytes) || Infinity;
const rows = [];
let sleepGuard = null;

form.querySelector("[data-live]").hidden = false;
for (const button of document.querySelectorAll("[data-resume], [data-drop-upload]")) button.hidden = false;

/* What the form says about the recording. With several files each keeps its own name as title. */
function meta(several) {
  const unset = (name, value) => value === "" || (value === "0" && form.elements[name].tagName === "SELECT");
  const entries = [...new FormData(form)].filter(([name, value]) => name !== "csrf_token" && typeof value === "string" && !unset(name, value));
  const said = Object.fromEntries(entries);
  if (several) delete said.title;
  return said;
}

function tell(text) {
  announcer.textContent = text;
}

function complain(text) {
  const line = form.querySelector("[data-complaint]");
  line.querySelector("span").textContent = text;
  line.hidden = !text;
  if (text) tell(text);
}

function objection(file) {
  if (file.size === 0) return say("empty_file", { name: file.name });
  if (file.size > limit) return say("too_large", { name: file.name, size: bytes(limit) });
  if (rows.some((row) => fingerprint(row.sender.file) === fingerprint(file) && row.sender.state !== "failed")) return say("twice", { name: file.name });
  return "";
}

function add(files, uploadId) {
  const objections = [];
  for (const file of files) {
    const words = objection(file);
    if (words) objections.push(words);
    else enqueue(file, uploadId, files.length > 1);
  }
  complain(objections.join(" "));
  next();
}

function enqueue(file, uploadId, several) {
  const sender = new Sender(file, { url: form.dataset.uploadsUrl, meta: meta(several), uploadId });
  const row = new Row(sender, template, { onRemove: remove, onGo: resume });
  sender.addEventListener("change", () => changed(sender));
  rows.push(row);
  list.append(row.element);
  if (sender.id) form.ownerDocument.querySelector(`[data-unfinished="${sender.id}"]`)?.remove();
  hideEmptyHeading();
}

function changed(sender) {
  if (sender.state === "done") tell(say("done_named", { name: sender.file.name }));
  if (sender.state === "failed") tell(`${sender.file.name}: ${sender.message}`);
  if (["done", "failed", "paused"].includes(sender.state)) next();
  guardSleep();
}

function resume(sender) {
  if (rows.some((row) => row.sender.busy)) sender.become("waiting");
  else sender.go();
}

async function remove(row) {
  const { sender } = row;
  if (sender.sent > 0 && sender.state !== "failed" && !window.confirm(say("really_remove", { name: sender.file.name }))) return;
  rows.splice(rows.indexOf(row), 1);
  row.leave();
  picker.focus();
  await sender.abandon();
  next();
  guardSleep();
}

/* One at a time: the first one waiting starts when nothing is being sent. */
function next() {
  if (rows.some((row) => row.sender.busy)) return;
  rows.find((row) => row.sender.state === "waiting")?.sender.go();
}

/* A phone that falls asleep stops sending. */
async function guardSleep() {
  const sending = rows.some((row) => row.sender.busy);
  if (sending && !sleepGuard && "wakeLock" in navigator) {
    sleepGuard = await navigator.wakeLock.request("screen").catch(() => null);
    sleepGuard?.addEventListener("release", () => (sleepGuard = null));
  }
  if (!sending) sleepGuard?.release();
}

function hideEmptyHeading() {
  const box = document.querySelector("[data-unfinished-box]");
  if (box && !box.querySelector("[data-unfinished]")) box.hidden = true;
}

picker.addEventListener("change", () => {
  add([...picker.files]);
  picker.value = "";
});

/* An unfinished upload of before: the same file has to be chosen again, a browser may not keep it. */
const again = document.createElement("input");
again.type = "file";
document.addEventListener("click", async (event) => {
  const resumeButton = event.target.closest("[data-resume]");
  const dropButton = event.target.closest("[data-drop-upload]");
  if (!resumeButton && !dropButton) return;
  const row = event.target.closest("[data-unfinished]");
  if (dropButton) {
    if (!window.confirm(say("really_remove", { name: row.dataset.name }))) return;
    await call("DELETE", `${form.dataset.uploadsUrl}/${row.dataset.unfinished}`).catch(() => {});
    row.remove();
    hideEmptyHeading();
    return;
  }
  again.onchange = () => {
    const [file] = again.files;
    again.value = "";
    if (!file) return;
    const same = file.name === row.dataset.name && file.size === Number(row.dataset.size);
    if (!same) complain(say("other_file", { name: row.dataset.name, size: bytes(Number(row.dataset.size)) }));
    else add([file], Number(row.dataset.unfinished));
  };
  again.click();
});

let depth = 0; // dragenter and dragleave also come from inside
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
addEventListener("dragenter", (event) => carriesFiles(event) && zone.classList.toggle("is-over", ++depth > 0));
addEventListener("dragleave", (event) => carriesFiles(event) && zone.classList.toggle("is-over", --depth > 0));
addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  depth = 0;
  zone.classList.remove("is-over");
  add([...event.dataTransfer.files]);
});

form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("beforeunload", (event) => {
  if (rows.some((row) => row.sender.busy)) event.preventDefault();
});
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && guardSleep());
