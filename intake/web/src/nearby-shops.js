// Names of shops around whose penalties are published by law. The server is asked for a
// tenth of a degree, so that no log holds a place; which of them are near, the phone says.

import { ask, letGo } from "./asking.js";
import { recall, remember } from "./database.js";

/** @typedef {{name: string, latitude: number, longitude: number}} Shop */
/** @typedef {{square: number, shops: Shop[], asked_ms: number}} Cell */
/** @typedef {{latitude: number, longitude: number}} Point */

const NEAR_M = 150;
const METRES_PER_DEGREE = 111_195;
const ASK_EVERY_MS = 24 * 3600_000;
const TRY_EVERY_MS = 60_000;
const PATIENCE_MS = 4_000;
const KEPT = "shops-around";
const KEPT_CELLS = 6;

/**
 * Resolve to the names of the published shops within NEAR_M, the nearest first.
 * @param {Point | null} place
 * @returns {Promise<string[]>}
 */
export async function nearbyShops(place) {
  if (!place) return [];
  const cells = await Promise.all([...cellsAround(place)].map(shopsOfCell));
  const near = cells
    .flatMap(({ square, shops }) =>
      shops.map(({ name, ...middle }) => ({ name, off_m: metresTo(place, middle, square) })),
    )
    .filter(({ off_m }) => off_m <= NEAR_M)
    .sort((one, other) => one.off_m - other.off_m);
  return [...new Set(near.map(({ name }) => name))];
}

/** Ask, while there is a network, for what may be wanted without one. @param {Point | null} place */
export async function bringShops(place) {
  if (place) await Promise.all([...cellsAround(place)].map(shopsOfCell));
}

/**
 * The cells that a circle around a place touches: nearly always one.
 * @param {Point} place
 */
function cellsAround({ latitude, longitude }) {
  const up = NEAR_M / METRES_PER_DEGREE;
  const aside = up / Math.max(0.01, Math.cos((latitude * Math.PI) / 180));
  return new Set(
    [-1, 1].flatMap((y) =>
      [-1, 1].map((x) => `${(latitude + y * up).toFixed(1)},${(longitude + x * aside).toFixed(1)}`),
    ),
  );
}

/** @type {Map<string, Promise<Cell>>} */
const asking = new Map();
/** @type {Map<string, number>} */
const tried_ms = new Map();

/**
 * @param {string} cell
 * @returns {Promise<Cell>}
 */
function shopsOfCell(cell) {
  const begun = asking.get(cell);
  if (begun) return begun;
  const asked = askForCell(cell).finally(() => asking.delete(cell));
  asking.set(cell, asked);
  return asked;
}

/** @param {string} cell */
async function askForCell(cell) {
  /** @type {Record<string, Cell>} */
  const kept = await recall(KEPT, {});
  const known = kept[cell] ?? { square: 0, shops: [], asked_ms: 0 };
  if (Date.now() - known.asked_ms < ASK_EVERY_MS) return known;
  // A phone that finds its place every second must not ask as often.
  if (Date.now() - (tried_ms.get(cell) ?? 0) < TRY_EVERY_MS) return known;
  tried_ms.set(cell, Date.now());
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    const [latitude, longitude] = cell.split(",");
    const question = new URLSearchParams({ latitude, longitude });
    // Whoever is signed in is none of the question's business.
    const response = await ask(`/api/v1/shops?${question}`, {
      signal: patience.signal,
      credentials: "omit",
    });
    if (!response.ok) {
      letGo(response);
      return known;
    }
    const { square_degrees: square, shops } = await response.json();
    const found = { square, shops, asked_ms: Date.now() };
    await keep(cell, found);
    return found;
  } catch {
    // Without a network the phone goes by what it has.
    return known;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {string} cell
 * @param {Cell} found
 */
async function keep(cell, found) {
  /** @type {Record<string, Cell>} */
  const kept = await recall(KEPT, {});
  const all = Object.entries({ ...kept, [cell]: found });
  all.sort(([, one], [, other]) => other.asked_ms - one.asked_ms);
  await remember(KEPT, Object.fromEntries(all.slice(0, KEPT_CELLS)));
}

/**
 * How far a place is from the nearest corner or side of a square; 0 within it.
 * @param {Point} place
 * @param {Point} middle
 * @param {number} square
 */
function metresTo(place, middle, square) {
  const beyond = (/** @type {number} */ one, /** @type {number} */ other) =>
    Math.max(0, Math.abs(one - other) - square / 2) * METRES_PER_DEGREE;
  const narrowed = Math.cos((place.latitude * Math.PI) / 180);
  return Math.hypot(
    beyond(place.latitude, middle.latitude),
    beyond(place.longitude, middle.longitude) * narrowed,
  );
}
