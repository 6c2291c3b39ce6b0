/* Keep where somebody reads (the paragraph at the top of the screen), and go on there. */

import { call } from "./http.js";

const article = document.querySelector("[data-lesson]");
const parts = [...article.children];
const start = Number(article.dataset.place);
if (start > 0 && parts[start]) parts[start].scrollIntoView();

let kept = start;
let waiting = 0;

function place() {
  const first = parts.findIndex((part) => part.getBoundingClientRect().bottom > 80);
  return first < 0 ? parts.length - 1 : first;
}

async function keep() {
  const now = place();
  if (now === kept) return;
  kept = now;
  try {
    await call("POST", article.dataset.placeUrl, { place: now });
  } catch {
    kept = -1; // the next pause tries again; reading goes on in any case
  }
}

document.addEventListener("scroll", () => {
  window.clearTimeout(waiting);
  waiting = window.setTimeout(keep, 1200);
}, { passive: true });
