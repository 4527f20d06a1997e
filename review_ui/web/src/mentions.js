// Completes @names in a note from the colleagues that the page knows. Whoever writes the
// whole name by hand mentions them just as well.

export function completeNames(page) {
  for (const field of page.querySelectorAll("textarea[data-mentions]")) {
    const list = page.getElementById(field.dataset.mentions);
    const names = [...list.querySelectorAll("button")];
    field.addEventListener("input", () => offer(field, list, names));
    field.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" && !list.hidden) {
        event.preventDefault();
        names.find((each) => !each.hidden)?.focus();
      }
    });
    list.addEventListener("keydown", (event) => walk(event, field, list, names));
    for (const button of names) {
      button.addEventListener("click", () => take(field, list, button.textContent.trim()));
    }
  }
}

// Return what stands between the last @ and the cursor, or null where no name is begun.
function begun(field) {
  const match = /@([^\s@]{0,20})$/.exec(field.value.slice(0, field.selectionStart));
  return match ? match[1] : null;
}

function offer(field, list, names) {
  const text = begun(field);
  let found = 0;
  for (const button of names) {
    button.hidden = text === null || !button.textContent.trim().toLowerCase().startsWith(text.toLowerCase());
    found += !button.hidden;
  }
  list.hidden = found === 0;
}

function take(field, list, name) {
  const at = field.selectionStart - (begun(field) ?? "").length;
  field.setRangeText(`${name} `, at, field.selectionStart, "end");
  list.hidden = true;
  field.focus();
}

function walk(event, field, list, names) {
  const shown = names.filter((each) => !each.hidden);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    const next = shown[shown.indexOf(document.activeElement) + step];
    (next ?? (step < 0 ? field : null))?.focus();
  } else if (event.key === "Escape") {
    list.hidden = true;
    field.focus();
  }
}
