// A small hand for making elements: no markup is ever put together from texts.

/**
 * Bring the drawings into the page, so that an icon made anew is there at once; those that
 * were made before appear as soon as the drawings come.
 * @param {string} address
 */
export async function bringIcons(address) {
  try {
    const text = await (await fetch(address)).text();
    const sprite = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    sprite.setAttribute("hidden", "");
    // The page has names of its own.
    for (const symbol of sprite.children) symbol.id = `icon-${symbol.id}`;
    document.documentElement.append(document.importNode(sprite, true));
  } catch {
    // Every icon stands beside its words.
  }
}

/**
 * Make an element. `on…` members are listeners, the rest attributes; null leaves one out.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string | null | false)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) {
      made.addEventListener(key.slice(2), /** @type {EventListener} */ (value));
    } else {
      made.setAttribute(key, value === true ? "" : String(value));
    }
  }
  made.append(...children.filter((child) => child !== null && child !== false));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} name
 * @param {string} [kind]
 */
export function icon(name, kind = "") {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("class", `icon ${kind}`);
  made.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  made.append(use);
  return made;
}

/**
 * A ring that shows how much has arrived.
 * @param {number} percent
 */
export function ring(percent) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("class", "icon ring");
  made.setAttribute("viewBox", "0 0 36 36");
  made.setAttribute("aria-hidden", "true");
  for (const [kind, length] of /** @type {const} */ ([
    ["ring-ground", 100],
    ["ring-sent", percent],
  ])) {
    const circle = document.createElementNS(SVG, "circle");
    circle.setAttribute("class", kind);
    circle.setAttribute("cx", "18");
    circle.setAttribute("cy", "18");
    circle.setAttribute("r", "15");
    circle.setAttribute("pathLength", "100");
    circle.setAttribute("stroke-dasharray", `${length} 100`);
    made.append(circle);
  }
  return made;
}

/** The picture of a blob; its address is given back when the picture has been drawn. */
export function picture(/** @type {Blob} */ blob, /** @type {string} */ words = "") {
  const made = el("img", { alt: words, decoding: "async" });
  const address = URL.createObjectURL(blob);
  made.addEventListener("load", () => URL.revokeObjectURL(address), { once: true });
  made.src = address;
  return made;
}

/** A heading of a screen: what a screen reader is sent to. @param {string} text */
export function heading(text) {
  return el("h1", { tabindex: "-1" }, text);
}
