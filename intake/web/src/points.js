// The rider's points as the server last told them, kept on the phone so that they can be read
// without a network. The statement says whose it is, and is shown to that account alone.

import { ask, letGo } from "./asking.js";
import { recall, remember } from "./database.js";
import { presentAccount } from "./session.js";
import { currentLanguage } from "./words.js";

/**
 * @typedef {{
 *   as_of: string, account: string, balance: number, pending: number,
 *   waiting: {since: string, points: number, text: string, report_number: string | null}[],
 *   lines: {on: string, points: number, text: string, report_number: string | null}[],
 * }} Statement
 */

const KEPT = "points";
const PATIENCE_MS = 6_000;

/** Return what the server last said to whoever is signed in. @returns {Promise<Statement | null>} */
export async function keptPoints() {
  const account = await presentAccount();
  const kept = await recall(KEPT, /** @type {Statement | null} */ (null));
  return account && kept?.account === account ? kept : null;
}

/**
 * Ask the server and keep what it says; resolves to how that went. Nobody is signed in where
 * the server says so, and then nothing stays.
 * @returns {Promise<"fresh" | "away" | "nobody">}
 */
export async function bringPoints() {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    const response = await ask("/api/v1/me/points", {
      signal: patience.signal,
      headers: { "Accept-Language": currentLanguage() },
    });
    if (response.ok) {
      const { as_of, account, balance, pending, waiting, lines } = await response.json();
      await remember(KEPT, { as_of, account, balance, pending, waiting, lines });
      return "fresh";
    }
    letGo(response);
    if (response.status !== 401) return "away";
    await remember(KEPT, undefined);
    return "nobody";
  } catch {
    return "away";
  } finally {
    clearTimeout(timer);
  }
}
