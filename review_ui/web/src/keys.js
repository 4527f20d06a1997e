// j and k walk the list, Enter opens (the link has the focus), / searches, ? explains.

export function listenToKeys(page) {
  page.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
      return;
    }
    const act = { j: () => walk(page, 1), k: () => walk(page, -1), "/": () => search(page), "?": () => explain(page) }[event.key];
    if (act && act()) {
      event.preventDefault();
    }
  });
  page.querySelectorAll("[data-opens]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => explain(page));
  });
}

function isTyping(element) {
  return element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
}

function walk(page, step) {
  const links = [...page.querySelectorAll("[data-walk]")];
  if (links.length === 0) {
    return false;
  }
  const here = links.indexOf(page.activeElement);
  const next = here < 0 ? (step > 0 ? 0 : links.length - 1) : here + step;
  const link = links[Math.min(Math.max(next, 0), links.length - 1)];
  link.focus();
  link.scrollIntoView({ block: "nearest" });
  return true;
}

function search(page) {
  const field = page.querySelector("[data-search]");
  field?.focus();
  return Boolean(field);
}

function explain(page) {
  const help = page.querySelector("dialog[data-keys]");
  help?.showModal();
  return Boolean(help);
}
