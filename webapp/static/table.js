// Keys and ticks of the lead table. Every key stands for a link or a button of the page, which works without.

const rows = () => [...document.querySelectorAll("#lead-table tbody tr")];
const ticks = () => [...document.querySelectorAll('#lead-table input[name="lead"]')];
const link = (row) => row?.querySelector(".leads-who a");
const button = (row, outcome) => row?.querySelector(`button[name="outcome"][value="${outcome}"]`);
let current = null; // the id of the row that keys are about, also after it was swapped
let lastTick = null;

const row = () => document.activeElement.closest("#lead-table tbody tr") ?? document.getElementById(current);

function show() {
  const all = ticks();
  const n = all.filter((tick) => tick.checked).length;
  const every = document.getElementById("tick-all");
  if (every) {
    every.checked = n > 0 && n === all.length;
    every.indeterminate = n > 0 && n < all.length;
  }
  const said = document.getElementById("n-ticked");
  if (said) said.textContent = n ? said.dataset[n === 1 ? "one" : "many"].replace("{n}", n) : "";
}

function tick(box, checked, range) {
  const all = ticks();
  const from = range && all.includes(lastTick) ? all.indexOf(lastTick) : all.indexOf(box);
  const [first, last] = [from, all.indexOf(box)].sort((a, b) => a - b);
  for (const each of all.slice(first, last + 1)) each.checked = checked;
  lastTick = box;
  show();
}

const tickAll = (checked) => {
  for (const each of ticks()) each.checked = checked;
  show();
};

function move(step, extend) {
  const all = rows();
  const at = all.indexOf(row());
  const next = all[Math.min(Math.max(at < 0 ? 0 : at + step, 0), all.length - 1)];
  if (!next) return;
  link(next).focus();
  current = next.id;
  const box = next.querySelector('input[name="lead"]');
  if (extend && box) tick(box, true, lastTick !== null);
}

const isTicked = () => ticks().some((each) => each.checked);

function record(outcome) {
  if (!isTicked()) return button(row(), outcome)?.click();
  const menu = outcome === "lost" && document.getElementById("bulk-lost");
  if (!menu) return document.getElementById(`bulk-${outcome}`)?.click();
  menu.open = true;
  menu.querySelector("button").focus();
}

function chooseReason(number) {
  const menu = document.querySelector("#bulk-lost[open]");
  if (menu) return menu.querySelectorAll("button")[number - 1]?.click();
  const choice = row()?.querySelector(".leads-reason select");
  if (!choice?.options[number]) return;
  choice.selectedIndex = number;
  choice.dispatchEvent(new Event("change", { bubbles: true }));
}

const KEYS = {
  j: (event) => move(1, event.shiftKey),
  k: (event) => move(-1, event.shiftKey),
  x: () => {
    const box = row()?.querySelector('input[name="lead"]');
    if (box) tick(box, !box.checked);
  },
  a: () => tickAll(!isTicked()),
  c: () => record("converted"),
  l: () => record("lost"),
  u: () => (document.getElementById("undo-bulk") ?? button(row(), "withdrawn"))?.click(),
  e: () => row() && location.assign(`${new URL(link(row()).href).pathname}/edit`),
  "?": () => document.getElementById("keys").showModal(),
  Escape: () => tickAll(false),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox], [type=radio]), select, textarea, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (/^[1-9]$/.test(key)) return chooseReason(Number(key));
  if (!KEYS[key]) return;
  if (key !== "Escape") event.preventDefault();
  KEYS[key](event);
});

// What a column cuts short is read in full under the pointer.
document.addEventListener("mouseover", (event) => {
  const cut = event.target.closest("#lead-table .cut");
  if (cut && !cut.title && cut.scrollWidth > cut.clientWidth) cut.title = cut.textContent.trim();
});

document.addEventListener("focusin", (event) => {
  current = event.target.closest("#lead-table tbody tr")?.id ?? current;
});

document.addEventListener("click", (event) => {
  if (event.target.matches('#lead-table input[name="lead"]')) tick(event.target, event.target.checked, event.shiftKey);
  if (event.target.id === "tick-all") tickAll(event.target.checked);
  if (event.target.id === "tick-none") tickAll(false);
  if (event.target.closest("[data-keys]")) KEYS["?"]();
});

// Enter in the search goes on to what it has found: to the lead itself where it is the only one.
document.querySelector('form[role="search"]')?.addEventListener("submit", (event) => {
  const asked = document.getElementById("search").value.trim();
  if (!asked || new URL(location).searchParams.get("q") !== asked) return;
  const found = rows();
  if (!found.length) return;
  event.preventDefault();
  if (found.length === 1) location.assign(link(found[0]).href);
  else link(found[0]).focus();
});

document.addEventListener("htmx:after:swap", show);
document.documentElement.classList.add("has-keys");
show();
