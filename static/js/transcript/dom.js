/* Small pieces of page. */

const sprite = document.querySelector("[data-transcript]").dataset.sprite;
const SVG = "http://www.w3.org/2000/svg";

/* h("button", { class: "btn", onclick }, "words", child): attributes by name, `on…` as listeners, false and null left out. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "lq-icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

export function setIcon(element, name) {
  element.querySelector("use").setAttribute("href", `${sprite}#${name}`);
}

export const badge = (tone, name, word) => h("span", { class: `lq-badge lq-tone-${tone}` }, icon(name), word);

export const note = (tone, name, ...children) => h("div", { class: `lq-note lq-tone-${tone}` }, icon(name), h("div", {}, ...children));

const announcer = document.querySelector("[data-announce]");

/* Say something to those who hear the page. */
export function announce(text) {
  announcer.textContent = "";
  requestAnimationFrame(() => (announcer.textContent = text));
}

const STATES = {
  open: { tone: "proof", icon: "flag" },
  confirmed: { tone: "stop", icon: "check" },
  dismissed: { tone: "holds", icon: "cross" },
};

/* How an item looks: open ones by severity, decided ones by their decision, 没听清 in grey. */
export function look(item) {
  if (item.state !== "open") return STATES[item.state];
  if (item.kind === "unclear") return { tone: "unknown", icon: "ear" };
  if (item.severity >= 4) return { tone: "stop", icon: "stop" };
  if (item.severity === 3) return { tone: "stop", icon: "warning" };
  return item.severity === 2 ? { tone: "proof", icon: "warning" } : { tone: "unknown", icon: "info" };
}
