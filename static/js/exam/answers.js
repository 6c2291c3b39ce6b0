/* Read a question's answer from its controls, and put one back into them. null: nothing answered. */

const controls = (box, what) => [...box.querySelectorAll(what)];
const number = (text) => (text ? Number(text) : 0);
const placeOf = (control) => control.name.split("-")[1];

const reading = {
  single: (box) => number(box.querySelector("input:checked")?.value) || null,
  true_false: (box) => ({ true: true, false: false })[box.querySelector("input:checked")?.value] ?? null,
  multiple: (box) => {
    const chosen = controls(box, "input:checked").map((one) => Number(one.value));
    return chosen.length ? chosen : null;
  },
  fill_in: (box) => {
    const words = controls(box, "input").map((one) => one.value.trim());
    return words.some(Boolean) ? words : null;
  },
  matching: (box) => {
    const pairs = controls(box, "select").filter((one) => one.value).map((one) => [placeOf(one), Number(one.value)]);
    return pairs.length ? Object.fromEntries(pairs) : null;
  },
  ordering: (box) => {
    const selects = controls(box, "select");
    const ranks = selects.map(() => 0);
    for (const one of selects) if (one.value) ranks[Number(one.value) - 1] = Number(placeOf(one));
    return ranks.some(Boolean) ? ranks : null;
  },
  clip_review: (box) => {
    const marked = controls(box, "select").filter((one) => one.value !== "none");
    if (!marked.length) return box.querySelector("input[type='checkbox']").checked ? {} : null;
    return Object.fromEntries(marked.map((one) => [placeOf(one), one.value === "unsure" ? "" : one.value]));
  },
};

const putting = {
  single: (box, answer) => check(box, (one) => Number(one.value) === answer),
  true_false: (box, answer) => check(box, (one) => one.value === String(answer)),
  multiple: (box, answer) => check(box, (one) => (answer || []).includes(Number(one.value))),
  fill_in: (box, answer) => controls(box, "input").forEach((one, at) => { one.value = answer ? answer[at] : ""; }),
  matching: (box, answer) => controls(box, "select").forEach((one) => { one.value = (answer || {})[placeOf(one)] || ""; }),
  ordering: (box, answer) => controls(box, "select").forEach((one) => {
    const rank = (answer || []).indexOf(Number(placeOf(one)));
    one.value = rank < 0 ? "" : String(rank + 1);
  }),
  clip_review: (box, answer) => {
    for (const one of controls(box, "select")) {
      const mark = (answer || {})[placeOf(one)];
      one.value = mark === undefined ? "none" : mark || "unsure";
    }
    box.querySelector("input[type='checkbox']").checked = answer !== null && !Object.keys(answer).length;
  },
};

function check(box, wanted) {
  for (const one of controls(box, "input")) one.checked = wanted(one);
}

export const readAnswer = (box) => reading[box.dataset.type]?.(box) ?? null;
export const putAnswer = (box, answer) => putting[box.dataset.type]?.(box, answer);

/* Whether nothing of the question is open: every gap, every pair, every rank. */
export function isComplete(box) {
  if (["fill_in", "matching", "ordering"].includes(box.dataset.type)) return controls(box, "input, select").every((one) => one.value.trim());
  return readAnswer(box) !== null;
}

/* A rank that was given anew is taken from the step that had it; answers whether one was. Only once the list is left:
   the arrow keys pass over ranks that are not meant. */
export function keepRanksApart(box, changed) {
  if (box.dataset.type !== "ordering" || !changed.value) return false;
  const twins = controls(box, "select").filter((one) => one !== changed && one.value === changed.value);
  for (const one of twins) one.value = "";
  return twins.length > 0;
}
