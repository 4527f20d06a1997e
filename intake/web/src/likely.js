// Which categories stand first: what this rider has reported before, most of all at this hour.

import { recall } from "./database.js";

/** @typedef {{code: string, zh: string, en: string}} Category */

// One more choice counts nine tenths of the one before it, and double at the same hour.
const FADING = 0.9;
const NEAR_HOURS = 2;

/** @type {Category[]} */
let categories = [];

/** @param {string} json what the shell holds: [code, Chinese, English] of each */
export function readCategories(json) {
  categories = JSON.parse(json).map((/** @type {string[]} */ [code, zh, en]) => ({ code, zh, en }));
}

/** @param {string} code */
export function categoryOf(code) {
  return categories.find((category) => category.code === code);
}

/** Return all categories, the most likely first; without a past, the taxonomy's order. */
export async function likelyFirst(hour = new Date().getHours()) {
  return inLikelyOrder(categories, await recall("choices", []), hour);
}

/**
 * @param {Category[]} all
 * @param {Array<{code: string, hour: number}>} choices the newest first
 * @param {number} hour
 */
export function inLikelyOrder(all, choices, hour) {
  /** @type {Map<string, number>} */
  const weights = new Map();
  choices.forEach((choice, age) => {
    const apart = Math.abs(choice.hour - hour);
    const near = Math.min(apart, 24 - apart) <= NEAR_HOURS;
    const weight = FADING ** age * (near ? 2 : 1);
    weights.set(choice.code, (weights.get(choice.code) ?? 0) + weight);
  });
  const weigh = (/** @type {Category} */ { code }) => weights.get(code) ?? 0;
  // A stable sort: what was never chosen stays in the taxonomy's order.
  return [...all].sort((one, other) => weigh(other) - weigh(one));
}
