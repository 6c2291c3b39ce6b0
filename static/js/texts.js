/* The page's translated texts, from its JSON island. A text names its gaps in braces: "{n} flags". */

const island = document.getElementById("texts");
const texts = island ? JSON.parse(island.textContent) : {};

export function say(key, gaps = {}) {
  const text = texts[key];
  if (text === undefined) throw new Error(`no text "${key}" on this page`);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in gaps ? gaps[name] : whole));
}
