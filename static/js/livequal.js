/* What every page gets: it stays usable without any of this. */

const summary = document.querySelector("[data-error-summary]");
if (summary) summary.focus();

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  if (event.target.closest("[data-back]")) history.back();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

/* A second press on a button sends nothing twice; a sentence in data-ask has to be agreed to first. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.ask && !window.confirm(form.dataset.ask)) {
    event.preventDefault();
    return;
  }
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  event.submitter?.setAttribute("aria-busy", "true");
  window.setTimeout(() => settle(form), 8000); // the answer was a download, or never came
});

function settle(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[aria-busy='true']")) button.removeAttribute("aria-busy");
}

/* Coming back with the browser's back button shows the page as it was: it may be sent again. */
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) settle(form);
});

for (const button of document.querySelectorAll("[data-back]")) button.hidden = history.length < 2;

/* A filter's choice answers at once; typing waits for Enter or the button. */
for (const form of document.querySelectorAll("form[data-filters]")) {
  form.addEventListener("change", (event) => {
    if (event.target.matches("select, input[type='checkbox'], input[type='radio']")) form.requestSubmit();
  });
}

/* What is under way on the server shows how far it is, until it has ended: the marked part is fetched anew. */
const RENEW_MS = 2000;

async function renew(part) {
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected) return; // signed out
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const newer = answer.ok && page.getElementById(part.id);
      if (newer) {
        part.replaceWith(document.adoptNode(newer));
        part = newer;
      }
    } catch {
      // The server could not be reached: it is asked again.
    }
  }
  if ("renew" in part.dataset) setTimeout(renew, RENEW_MS, part);
}

for (const part of document.querySelectorAll("[data-renew][id]")) setTimeout(renew, RENEW_MS, part);
