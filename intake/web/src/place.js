// Where the phone is: the best fix of this watch is kept, with its accuracy and age.

/** @typedef {import("./types.d.ts").Place} Place */

const CACHED_AFTER_MS = 60_000;
const COARSE_M = 100;
// A fix that old says where the last order was picked up.
const FORGET_AFTER_MS = 5 * 60_000;
// Faster than a person walks: 2.5 m/s are 9 km/h.
const RIDING_M_PER_S = 2.5;

/** @type {Place | null} */
let best = null;
/** @type {"off" | "looking" | "found" | "refused" | "unable"} */
let state = "off";
let speed_m_per_s = 0;
let watch = 0;
/** @type {Set<() => void>} */
const listeners = new Set();

/** @param {() => void} listener */
export function onPlace(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Begin to look for the place; call it once the person has agreed. */
export function watchPlace() {
  if (watch) return;
  if (!navigator.geolocation) {
    become("unable");
    return;
  }
  become("looking");
  watch = navigator.geolocation.watchPosition(found, failed, {
    enableHighAccuracy: true,
    maximumAge: 30_000,
    timeout: 20_000,
  });
}

/** Stop looking: a watch that runs on empties the battery. */
export function stopWatching() {
  if (watch) navigator.geolocation.clearWatch(watch);
  watch = 0;
}

/** The best fix that is still worth something, or null. */
export function bestPlace() {
  if (best && Date.now() - best.fixed_at_ms > FORGET_AFTER_MS) best = null;
  return best;
}

export function placeState() {
  return state;
}

/** Whether the phone moves as fast as somebody who rides. */
export function isRiding() {
  return speed_m_per_s > RIDING_M_PER_S;
}

/** @param {GeolocationPosition} position */
function found({ coords, timestamp }) {
  speed_m_per_s = coords.speed ?? 0;
  const age_ms = ageOf(timestamp);
  /** @type {Place} */
  const fix = {
    latitude: coords.latitude,
    longitude: coords.longitude,
    accuracy_m: Math.round(coords.accuracy * 10) / 10,
    fixed_at_ms: Date.now() - age_ms,
    cached: age_ms > CACHED_AFTER_MS,
    coarse: coords.accuracy > COARSE_M,
  };
  if (isBetter(fix, bestPlace())) best = fix;
  become("found");
}

/**
 * How old a fix is. Satellites have clocks of their own: where the phone's is wrong, the two
 * differ by more than any browser would keep a fix, and the fix is as good as new.
 * @param {number} timestamp_ms
 */
function ageOf(timestamp_ms) {
  const age_ms = Date.now() - timestamp_ms;
  return age_ms > 0 && age_ms < FORGET_AFTER_MS ? age_ms : 0;
}

/**
 * A fix replaces another that it is better than, or from which the phone has gone away.
 * @param {Place} fix
 * @param {Place | null} other
 */
export function isBetter(fix, other) {
  if (!other || fix.accuracy_m <= other.accuracy_m) return true;
  const apart_m = distance_m(fix, other);
  return apart_m > fix.accuracy_m + other.accuracy_m;
}

/**
 * The distance over ground, good for the few kilometres it is asked for (equirectangular).
 * @param {{latitude: number, longitude: number}} one
 * @param {{latitude: number, longitude: number}} other
 */
export function distance_m(one, other) {
  const metres = 111_195;
  const shrink = Math.cos(((one.latitude + other.latitude) / 2) * (Math.PI / 180));
  return metres * Math.hypot(
    one.latitude - other.latitude,
    (one.longitude - other.longitude) * shrink,
  );
}

/** @param {GeolocationPositionError} error */
function failed(error) {
  if (error.code === error.PERMISSION_DENIED) {
    stopWatching();
    become("refused");
  } else if (!bestPlace()) {
    become("unable");
  }
}

/** @param {typeof state} next */
function become(next) {
  state = next;
  for (const listener of listeners) listener();
}
