/* Pure: how a segment's text falls into runs, each with its word and the flags that lie on it. */

const SURROGATE = /[\ud800-\udfff]/;

/* Offsets of the server count code points, those of the browser UTF-16 units. */
export function unitsOf(text) {
  if (!SURROGATE.test(text)) return (point) => Math.max(0, Math.min(point, text.length));
  const units = [0];
  for (const character of text) units.push(units.at(-1) + character.length);
  return (point) => units[Math.max(0, Math.min(point, units.length - 1))];
}

/* [start, end) of each word in the text; words that cannot be found get an empty stretch where they should be. */
export function wordStretches(text, words) {
  let at = 0;
  return words.map(([, , word]) => {
    const found = text.startsWith(word, at) ? at : text.indexOf(word, at);
    if (found < 0 || found - at > 12) return [at, at];
    at = found + word.length;
    return [found, at];
  });
}

/* Where a flag's words stand: as the server says, or, after a correction, where they are found again. */
export function anchored(text, from, to, quote) {
  if (!quote || text.slice(from, to) === quote || text.slice(from, to).includes(quote)) return [from, to];
  const again = text.indexOf(quote, Math.max(0, from - quote.length));
  return again < 0 ? [from, Math.max(to, from)] : [again, again + quote.length];
}

/* marks: [{ item, from, to }] in units. Answers [{ text, word, items }] in order; `word` is -1 between words. */
export function piecesOf(text, stretches, marks) {
  const cuts = new Set([0, text.length]);
  for (const [from, to] of stretches) cuts.add(from).add(to);
  for (const { from, to } of marks) cuts.add(from).add(to);
  const borders = [...cuts].filter((cut) => cut >= 0 && cut <= text.length).sort((a, b) => a - b);
  let word = 0;
  return borders.slice(0, -1).map((from, i) => {
    const to = borders[i + 1];
    while (word < stretches.length && stretches[word][1] <= from) word += 1;
    const inside = word < stretches.length && stretches[word][0] <= from && to <= stretches[word][1];
    const items = marks.filter((mark) => mark.from <= from && to <= mark.to).map((mark) => mark.item);
    return { text: text.slice(from, to), word: inside ? word : -1, items };
  });
}

/* The index of the last entry whose start is not after `ms`; -1 before the first. */
export function lastStarted(entries, ms) {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle].start_ms <= ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
