// A new or changed case appears without reloading. The page asks now and then whether what
// it shows has changed (an answer without a body), and fetches the list only then. It keeps
// the focus, tells screen readers in one sentence, and changes nothing under ticked boxes.

import htmx from "htmx.org";

const EVERY_MS = 15000;

export function keepListFresh(page) {
  if (!page.querySelector("[data-live]")) {
    return;
  }
  let focused = null;
  page.addEventListener("htmx:beforeSwap", () => {
    focused = page.activeElement?.closest("#list") ? page.activeElement.getAttribute("href") : null;
  });
  page.addEventListener("htmx:afterSwap", () => {
    const list = page.querySelector("#list");
    if (focused) {
      list.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    }
    page.querySelector("[data-changed]").hidden = true;
    page.querySelector("[data-said]").textContent = list.dataset.tells;
  });
  setInterval(() => ask(page), Number(page.body.dataset.everyMs) || EVERY_MS);
  page.addEventListener("visibilitychange", () => ask(page));
}

async function ask(page) {
  const list = page.querySelector("[data-live]");
  if (page.hidden || !list) {
    return;
  }
  const asked = { "If-None-Match": `"${list.dataset.pulse}"`, Accept: "application/json" };
  let answer;
  try {
    answer = await fetch(list.dataset.live, { headers: asked, cache: "no-store" });
  } catch {
    return; // Away for the moment: the next time will do.
  }
  if (answer.status !== 204) {
    return;
  }
  if (list.querySelector("input[name=case]:checked")) {
    page.querySelector("[data-changed]").hidden = false;
    return;
  }
  await htmx.ajax("GET", location.href, { target: "#list", select: "#list", swap: "outerHTML" });
}
