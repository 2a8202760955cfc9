// Keys of the lead page: what has a data-key is opened, clicked or focused by it, Ctrl + Enter sends a text. The page works without.

const act = (element) => {
  if (element.matches("details")) {
    element.open = true;
    element.querySelector("[data-first]").focus();
  } else if (element.matches("input, select, textarea")) element.focus();
  else element.click();
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("[data-send]")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
  const typing = event.target.closest("input:not([type=radio]), select, textarea, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const named = [...document.querySelectorAll(`[data-key="${CSS.escape(event.key)}"]`)];
  const element = named.find((each) => each.matches("details") || each.checkVisibility());
  if (!element) return;
  event.preventDefault();
  act(element);
});
