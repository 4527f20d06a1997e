// How far this phone's clock is from the server's, by the Date header of its answers.

import { recall, remember } from "./database.js";

// The header counts whole seconds and the way takes time: nearer than this means nothing.
const NOTICEABLE_S = 120;

/**
 * Note the server's time as its answer to a question asked at `asked_ms` said it.
 * @param {string | null} date
 * @param {number} asked_ms
 */
export async function noteServerTime(date, asked_ms) {
  const server_ms = Date.parse(date ?? "");
  if (Number.isNaN(server_ms)) return;
  const middle_ms = (asked_ms + Date.now()) / 2;
  await remember("clock-offset-s", Math.round((middle_ms - server_ms) / 1000));
}

/** Return by how many seconds this phone's clock is ahead; 0 while that is not noticeable. */
export async function clockOffset() {
  const offset_s = await recall("clock-offset-s", 0);
  return Math.abs(offset_s) < NOTICEABLE_S ? 0 : offset_s;
}
