/* The line check by voice: sound is recorded while the button is held, sent, written down elsewhere, then shown. */

import { Dropped, SignedOut, call, renewToken, token } from "./http.js";
import { say } from "./texts.js";

const SHORTEST_MS = 400;
const ASK_EVERY_MS = 700;
const SLOW_AFTER_S = 45;

const box = document.querySelector("[data-voice]");
const button = box.querySelector("[data-hold]");
const label = box.querySelector("[data-part=label]");
const status = box.querySelector("[data-part=status]");
const heard = document.querySelector("[data-heard]");
const product = document.querySelector("[data-text-form] [name=product]");
const longestMs = Number(box.dataset.longestMs);

let held = false; // whether the button is down now
let asking = false; // whether the browser is asking for the microphone
let recorder = null;

box.hidden = false;
document.querySelector("[data-result]")?.focus({ preventScroll: false });
if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) {
  button.disabled = true;
  tell(say("cannot"));
}

function tell(text) {
  status.textContent = text;
}

function busy(on) {
  button.disabled = on;
}

async function press() {
  if (held || recorder || asking || button.disabled) return;
  held = true;
  asking = true;
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  } catch {
    held = false;
    tell(say("no_microphone"));
    return;
  } finally {
    asking = false;
  }
  if (!held) {
    // It was let go while the browser asked for permission: nothing is recorded behind anybody's back.
    for (const track of stream.getTracks()) track.stop();
    tell(say("press_again"));
    return;
  }
  record(stream);
}

function record(stream) {
  const pieces = [];
  const begun = performance.now();
  recorder = new MediaRecorder(stream, { audioBitsPerSecond: 48000 });
  recorder.addEventListener("dataavailable", (event) => event.data.size && pieces.push(event.data));
  recorder.addEventListener("stop", () => {
    const type = recorder.mimeType;
    recorder = null;
    for (const track of stream.getTracks()) track.stop();
    clearInterval(ticking);
    delete button.dataset.on;
    label.textContent = say("hold");
    if (performance.now() - begun < SHORTEST_MS) tell(say("short"));
    else send(new Blob(pieces, { type }));
  });
  const ticking = setInterval(() => {
    const ms = performance.now() - begun;
    tell(say("recording", { n: Math.floor(ms / 1000), most: Math.floor(longestMs / 1000) }));
    if (ms >= longestMs) release();
  }, 200);
  button.dataset.on = "1";
  label.textContent = say("let_go");
  recorder.start();
}

function release() {
  held = false;
  if (recorder?.state === "recording") recorder.stop();
}

async function send(sound) {
  busy(true);
  tell(say("sending"));
  try {
    const address = await upload(sound);
    await wait(address);
  } catch (error) {
    tell(error instanceof SignedOut ? say("signed_out") : error.shown || say("not_sent"));
    busy(false);
  }
}

async function upload(sound, renewed = false) {
  const address = `${box.dataset.url}?product=${encodeURIComponent(product.value)}`;
  const answer = await fetch(address, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/octet-stream", "X-Requested-With": "fetch", "X-CSRFToken": token() },
    body: sound,
  });
  if (answer.status === 401 || answer.redirected) throw new SignedOut();
  if (answer.status === 400 && !renewed) {
    await renewToken();
    return upload(sound, true);
  }
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw shown(content.message);
  return content.url;
}

function shown(message) {
  const error = new Error(message);
  error.shown = message;
  return error;
}

/* Ask how far it is until it is written down, then show it: the page that shows it is the last that has it. */
async function wait(address) {
  const begun = Date.now();
  for (;;) {
    const at = await call("GET", address).catch((error) => {
      if (error instanceof Dropped) return { stage: "waiting" };
      throw error.message ? shown(error.message) : error;
    });
    if (at.stage === "heard") break;
    if (at.stage === "failed") throw shown(at.message);
    const n = Math.round((Date.now() - begun) / 1000);
    tell(say(n > SLOW_AFTER_S ? "slow" : at.stage, { n }));
    await new Promise((done) => setTimeout(done, ASK_EVERY_MS));
  }
  heard.elements.product.value = product.value;
  heard.elements.csrf_token.value = token();
  heard.action = address;
  heard.requestSubmit();
}

button.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  event.preventDefault();
  button.focus();
  button.setPointerCapture(event.pointerId);
  press();
});
for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(kind, release);
button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch opens none
button.addEventListener("keydown", (event) => {
  if (event.key !== " " && event.key !== "Enter") return;
  event.preventDefault();
  if (!event.repeat) press();
});
button.addEventListener("keyup", (event) => (event.key === " " || event.key === "Enter") && release());
button.addEventListener("blur", release);
addEventListener("pagehide", release);
window.addEventListener("pageshow", (event) => event.persisted && busy(false));
