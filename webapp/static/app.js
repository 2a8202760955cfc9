// What HTML alone cannot do: the fallback for htmx, the CSRF header, and a few keys. Pages work without it.

if (!window.htmx) {
  const script = document.createElement("script");
  script.src = document.querySelector('meta[name="htmx-fallback"]').content;
  document.head.append(script);
}

document.addEventListener("htmx:config:request", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  event.detail.ctx.request.headers["X-CSRFToken"] = token;
});

// A page that refreshes itself tries again by itself: nobody has clicked anything.
document.addEventListener("htmx:error", (event) => {
  const { sourceElement, request } = event.detail.ctx ?? {};
  const refreshesItself = /^(every|load)/.test(sourceElement?.getAttribute("hx-trigger") ?? "");
  const template = document.getElementById(request?.method === "GET" ? "not-loaded" : "not-saved");
  if (template && !refreshesItself)
    document.getElementById("notices").replaceChildren(template.content.cloneNode(true));
});

const copies = document.querySelectorAll("[data-copy]");
for (const button of navigator.clipboard ? copies : []) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    button.textContent = button.dataset.copied;
  });
}

for (const input of document.querySelectorAll("[data-time-zone]"))
  input.value = Intl.DateTimeFormat().resolvedOptions().timeZone || input.value;

const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
  if (event.target.closest("[data-dismiss]")) event.target.closest(".notice").remove();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of openMenus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  const typing = event.target.closest("input, select, textarea, [contenteditable]");
  const search = document.getElementById("search");
  if (event.key === "/" && !typing && search && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.select();
  }
});
