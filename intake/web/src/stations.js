// The list of stations as this phone keeps it: the whole of it, so that no server is told
// where the phone is, and so that it can be read without a network.

import { ask, letGo } from "./asking.js";
import { recall, remember } from "./database.js";
import { distance_m } from "./place.js";

/** @typedef {{opens: string, closes: string} | null} Day */
/** @typedef {{title: string, points: number, until: string, is_sold_out: boolean}} Offer */
/**
 * @typedef {{
 *   id: string, name: string, place: string, area: string,
 *   latitude: number | null, longitude: number | null,
 *   services: string[], hours: Day[], note: string, offers: Offer[],
 * }} Station
 */
/** @typedef {{as_of_ms: number, stations: Station[]}} Kept */
/** @typedef {{latitude: number, longitude: number}} Point */

const KEPT = "stations";
const PATIENCE_MS = 6_000;
const DAY_MINUTES = 24 * 60;

/** The list that this phone has, or null. @returns {Promise<Kept | null>} */
export function keptStations() {
  return recall(KEPT, null);
}

/**
 * Fetch the list anew and keep it; null where there is no network.
 * @returns {Promise<Kept | null>}
 */
export async function bringStations() {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    // Whoever is signed in is none of the question's business.
    const response = await ask("/api/v1/stations", { signal: patience.signal, credentials: "omit" });
    if (!response.ok) {
      letGo(response);
      return null;
    }
    const { as_of, stations } = await response.json();
    const found = { as_of_ms: Date.parse(as_of), stations };
    await remember(KEPT, found);
    return found;
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The stations in the order in which they are shown: the nearest first where the phone knows
 * its place, those nobody pointed at last; else by area, as the server gave them.
 * @param {Station[]} stations
 * @param {Point | null} place
 * @returns {{station: Station, off_m: number | null}[]}
 */
export function inOrder(stations, place) {
  const found = stations.map((station) => ({ station, off_m: offOf(station, place) }));
  if (place) found.sort((one, other) => (one.off_m ?? Infinity) - (other.off_m ?? Infinity));
  return found;
}

/**
 * @param {Station} station
 * @param {Point | null} place
 */
function offOf({ latitude, longitude }, place) {
  if (!place || latitude === null || longitude === null) return null;
  return distance_m(place, { latitude, longitude });
}

/**
 * Whether a station is open at a moment by the clock of Shanghai: until when, or from when on
 * that day; "unknown" where nobody wrote its hours down.
 * @param {Day[]} hours
 * @param {Date} now
 * @returns {{state: "unknown" | "open" | "shut", until?: string, from?: string, always?: boolean}}
 */
export function openAt(hours, now) {
  if (hours.length !== 7) return { state: "unknown" };
  // Shanghai has kept UTC+8 without summer time since 1991, whatever zone the phone is in.
  const there = new Date(now.getTime() + 8 * 3600_000);
  const today = (there.getUTCDay() + 6) % 7;
  const minute = there.getUTCHours() * 60 + there.getUTCMinutes();
  if (hours.every((day) => day && day.opens === day.closes)) return { state: "open", always: true };
  for (const back of [0, 1]) {
    const day = hours[(today + 7 - back) % 7];
    if (!day) continue;
    const opens = minutesOf(day.opens) - back * DAY_MINUTES;
    const length = (minutesOf(day.closes) - minutesOf(day.opens) + DAY_MINUTES) % DAY_MINUTES;
    const closes = opens + (length || DAY_MINUTES);
    if (minute >= opens && minute < closes) return { state: "open", until: day.closes };
  }
  const day = hours[today];
  return day && minute < minutesOf(day.opens) ? { state: "shut", from: day.opens } : { state: "shut" };
}

/** @param {string} clock */
function minutesOf(clock) {
  const [hours, minutes] = clock.split(":").map(Number);
  return hours * 60 + minutes;
}
