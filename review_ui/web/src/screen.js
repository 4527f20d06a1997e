// The screen at the wall looks again by itself: what changed is exchanged in place, and
// nothing moves where nothing did.

const EVERY_MS = 60_000;
const failed = document.querySelector("[data-refresh-failed]");

setInterval(look, EVERY_MS);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());

async function look() {
  if (document.visibilityState === "hidden") {
    return;
  }
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-refreshed]");
    if (!answer.ok) {
      throw new Error(answer.statusText);
    }
    if (!found) {
      // The session has ended: the page says so itself.
      location.reload();
      return;
    }
    exchange(document.querySelector("[data-refreshed]"), found);
    tell("");
  } catch {
    tell(failed.dataset.words);
  }
}

// Exchanges the smallest parts that differ.
function exchange(old, fresh) {
  if (old.isEqualNode(fresh)) {
    return;
  }
  const is_alike = old.nodeName === fresh.nodeName && old.childNodes.length === fresh.childNodes.length;
  if (old.nodeType !== Node.ELEMENT_NODE || !is_alike || !old.cloneNode().isEqualNode(fresh.cloneNode())) {
    old.replaceWith(document.importNode(fresh, true));
    return;
  }
  [...old.childNodes].forEach((child, at) => exchange(child, fresh.childNodes[at]));
}

function tell(words) {
  failed.textContent = words;
  failed.classList.toggle("visually-hidden", words === "");
}
