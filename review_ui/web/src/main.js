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

// How much waits for the person: asked after the page is there, which need not wait for it.
for (const mark of document.querySelectorAll("[data-filled-from]")) {
  fetch(mark.dataset.filledFrom, { headers: { Accept: "text/html" } })
    .then((answer) => (answer.ok && !answer.redirected ? answer.text() : ""))
    .then((html) => mark.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes))
    .catch(() => {});
}
