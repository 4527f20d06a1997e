// What may be seen once must not be there again after «back»: a browser may keep the
// whole page in memory, whatever its cache rules say.
addEventListener("pagehide", () => {
  for (const shown of document.querySelectorAll("[data-once]")) shown.replaceChildren();
});
