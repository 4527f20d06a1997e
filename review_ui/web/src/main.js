// The room works without this file. It adds: lists that change without losing the
// place (htmx) and by themselves, and the keyboard.

import htmx from "htmx.org";
import { listenToKeys } from "./keys.js";
import { keepListFresh } from "./live.js";

htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
htmx.config.historyCacheSize = 0;

listenToKeys(document);
keepListFresh(document);

// How much waits for the person: asked once, after the page is there, which need not wait for it.
const marks = [...document.querySelectorAll("[data-filled-from^='/']")];
if (marks.length > 0) {
  fetch(marks[0].dataset.filledFrom, { headers: { Accept: "text/html" } })
    .then((answer) => (answer.ok && !answer.redirected ? answer.text() : ""))
    .then((html) => marks.forEach((mark) => mark.replaceChildren(
      ...new DOMParser().parseFromString(html, "text/html").body.childNodes,
    )))
    .catch(() => {});
}

// What is unfolded over the page is folded again by Escape and by a touch beside it.
const unfolded = () => document.querySelector("header details[open]");
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && unfolded();
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  const open = unfolded();
  if (open && !open.contains(event.target)) {
    open.open = false;
  }
});
