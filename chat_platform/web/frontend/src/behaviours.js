// What every page does beyond plain HTML: parts of pages by htmx, menus, charts when they come into view.
//
// What belongs here: small behaviours, each told by an attribute in the page. What does not: drawing (`charts/`),
// anything that a page cannot do without: without this script every link and form still works.
import "htmx.org";

import { draw } from "./charts/index.js";

const secret = document.querySelector('meta[name="csrf-token"]')?.content;
const notices = () => document.getElementById("notices");

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const { method, headers } = ctx.request;
  if (secret && method.toUpperCase() !== "GET") headers["X-CSRF-Token"] = secret;
});

// The server did not answer at all: say so where errors are said, and leave the page as it is.
document.addEventListener("htmx:error", ({ detail }) => {
  const box = notices();
  if (!box || detail.ctx?.response) return;
  const text = document.createElement("p");
  text.className = "notice error";
  text.textContent = box.dataset.unreachable;
  box.replaceChildren(text);
});

// Menus close by Escape and by a click elsewhere.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenus(true);
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat && !isWriting(event.target);
  // The key where it lies: with a Korean keyboard, Y is ㅛ.
  const letter = plain && event.code.match(/^Key([A-Z])$/)?.[1].toLowerCase();
  if (letter) document.querySelector(`main [data-key="${letter}"]`)?.click();
  if (event.key === "/" && plain) {
    const search = document.querySelector('main input[type="search"]');
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  }
});
document.addEventListener("click", (event) => closeMenus(false, event.target));

function closeMenus(focus, but = null) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (but && menu.contains(but)) continue;
    menu.open = false;
    if (focus) menu.querySelector("summary").focus();
  }
}

const isWriting = (element) => element.closest?.("input, textarea, select, [contenteditable]") !== null;

// <form data-auto>: a changed choice is sent at once. <form data-confirm="…">: asked before.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-auto]");
  if (form && event.target.matches("select, input[type=checkbox], input[type=radio], input[type=date]")) {
    form.requestSubmit();
  }
});
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, true);

// <button data-copy="#id">: copies the text or value of that element and says so.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  const source = button && document.querySelector(button.dataset.copy);
  if (!source) return;
  await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
  button.dataset.copied = "";
  setTimeout(() => delete button.dataset.copied, 1500);
});

// Charts are drawn when they come near the window; the library for a kind is loaded with the first one.
const near = new IntersectionObserver((entries) => {
  const seen = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
  for (const element of seen) near.unobserve(element);
  seen.forEach(draw);
}, { rootMargin: "200px" });

function watchCharts() {
  for (const element of document.querySelectorAll(".chart[data-chart]:not([data-watched])")) {
    element.dataset.watched = "";
    // A spark needs no library, and may stand where a table is cut off.
    if (element.dataset.chart === "spark") draw(element);
    else near.observe(element);
  }
}
document.addEventListener("htmx:after:swap", watchCharts);
watchCharts();
