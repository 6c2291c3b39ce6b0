/* One key, one act. Letters typed into fields, and keys of a dialog, are left alone. */

const FIELDS = "input:not([type='checkbox'], [type='range']), textarea, select, [contenteditable]";

export function listen(acts, { help }) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]") || event.target.closest?.(FIELDS)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === " " && event.target.closest?.("button, summary, a, [role='slider']") && !event.target.matches("[role='slider']")) return;
    if (key === "?") {
      event.preventDefault();
      help.showModal();
      return;
    }
    const act = acts[key];
    if (!act || (event.repeat && !key.startsWith("Arrow"))) return;
    event.preventDefault();
    act(event);
  });
  help.querySelector("[data-close]").addEventListener("click", () => help.close());
}
