// j and k walk the list, Enter or o opens, n and p walk the photos, s and r lead to signing
// and returning, / searches, ? explains. Everything is reached by Tab too.

const SIGN = "button[name=decision][value=confirm]";
const RETURN = "button[name=decision][value=send_back], input[name=to][value=dispatch]";

export function listenToKeys(page) {
  const acts = {
    j: () => walk(page, "[data-walk]", 1),
    k: () => walk(page, "[data-walk]", -1),
    o: () => open(page),
    x: () => tick(page),
    n: () => photo(page, "next", 1),
    p: () => photo(page, "previous", -1),
    s: () => lead(page.querySelector(SIGN)),
    r: () => lead(page.querySelector(RETURN)),
    "/": () => lead(page.querySelector("[data-search]")),
    "?": () => explain(page),
  };
  page.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
      return;
    }
    if (acts[event.key]?.()) {
      event.preventDefault();
    }
  });
  page.querySelectorAll("[data-opens]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => explain(page));
  });
}

function isTyping(element) {
  const isText = element.tagName === "INPUT" && !["checkbox", "radio"].includes(element.type);
  return element.isContentEditable || isText || /^(TEXTAREA|SELECT)$/.test(element.tagName);
}

function walk(page, links, step) {
  const found = [...page.querySelectorAll(links)];
  if (found.length === 0 || page.querySelector("dialog[open]")) {
    return false;
  }
  const row = page.activeElement?.closest("li")?.querySelector(links);
  const here = found.indexOf(row ?? page.activeElement);
  const next = here < 0 ? (step > 0 ? 0 : found.length - 1) : here + step;
  const link = found[Math.min(Math.max(next, 0), found.length - 1)];
  link.focus();
  link.scrollIntoView({ block: "nearest" });
  return true;
}

function open(page) {
  const link = page.activeElement?.closest("[data-walk], a[data-photo]");
  link?.click();
  return Boolean(link);
}

function tick(page) {
  const box = page.activeElement?.closest("li")?.querySelector("input[name=case]");
  box?.click();
  return Boolean(box);
}

// In the viewer its own button is pressed, so that there is one way of showing the next.
function photo(page, act, step) {
  const button = page.querySelector(`dialog[open] [data-act=${act}]`);
  button?.click();
  return Boolean(button) || walk(page, "a[data-photo]", step);
}

// Leads to a step and never takes it: a key that is hit by accident must not sign.
function lead(place) {
  if (!place) {
    return false;
  }
  for (let above = place.closest("details"); above; above = above.parentElement.closest("details")) {
    above.open = true;
  }
  const isHidden = place.type === "hidden" || place.value === "send_back";
  const field = isHidden ? place.form.querySelector("textarea, input:not([type=hidden])") : place;
  (field ?? place).focus();
  (field ?? place).scrollIntoView({ block: "nearest" });
  return true;
}

function explain(page) {
  const help = page.querySelector("dialog[data-keys]");
  help?.showModal();
  return Boolean(help);
}
