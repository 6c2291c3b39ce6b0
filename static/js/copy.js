/* A button that copies the text of a field: data-copy holds the field's id, the field's data-copied the word afterwards. */

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = false;
  field.addEventListener("focus", () => field.select());
  button.addEventListener("click", async () => {
    field.focus();
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy"); // pages served without https have no clipboard object
    }
    button.querySelector("span").textContent = field.dataset.copied;
  });
}
