// Which screen is shown: the part of the address behind «#», so that the phone's own way
// back works and nothing of a tip goes to a server with an address.

import { el } from "./dom.js";
import { say } from "./words.js";

/**
 * @typedef {object} Screen
 * @property {string} title
 * @property {Node[]} nodes
 * @property {() => unknown} [refresh] called when a tip or the place has changed
 * @property {() => void} [leave]
 */

/** @typedef {(rest: string[]) => Promise<Screen | null> | Screen | null} Maker */

/** @type {Record<string, Maker>} */
let makers = {};
/** @type {HTMLElement} */
let ground;
/** @type {() => void} */
let opening = () => {};
/** @type {Screen | null} */
let shown = null;
let turn = 0;
// How often a screen was told to look again.
let changes = 0;

/**
 * @param {HTMLElement} main
 * @param {Record<string, Maker>} screens by the first word behind «#»
 * @param {() => void} open puts the main part on the page, once the first screen is made: till
 *   then the plain form stays, so that nobody meets a page with nothing on it
 */
export function showPages(main, screens, open) {
  ground = main;
  opening = open;
  makers = screens;
  addEventListener("hashchange", () => void show());
  return show();
}

/** Go to a screen. @param {string} place */
export function go(place) {
  location.hash = place;
}

/** Go to a screen in the place of this one: the way back leads past it. @param {string} place */
export function goInstead(place) {
  history.replaceState(null, "", `#${place}`);
  void show();
}

/** Draw the present screen anew, as when the language has changed. */
export async function show() {
  const mine = (turn += 1);
  const before = changes;
  const [name, ...rest] = location.hash.slice(1).split("/").map(decodeURIComponent);
  const screen = await (makers[name] ?? makers[""])(rest);
  // A maker that answers null has sent the person on; one that was overtaken is late.
  if (!screen || mine !== turn) return;
  shown?.leave?.();
  if (!shown) opening();
  shown = screen;
  document.body.dataset.page = name;
  document.title = `${screen.title} · ${say("随手拍")}`;
  ground.replaceChildren(...screen.nodes);
  scrollTo(0, 0);
  /** @type {HTMLElement | null} */ (ground.querySelector("h1"))?.focus({ preventScroll: true });
  // What changed while it was being made was told to the screen before it.
  if (changes !== before) void screen.refresh?.();
}

/** Let the screen that is shown look at what has changed. */
export function refresh() {
  changes += 1;
  return shown?.refresh?.();
}

/**
 * The way back to a screen, as a link.
 * @param {string} place
 * @param {string} words
 */
export function backTo(place, words) {
  return el("p", { class: "way-back" }, el("a", { class: "back", href: `#${place}` }, `‹ ${words}`));
}
