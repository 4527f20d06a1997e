// Who uses this phone, as far as the server last said.

import { ask, letGo } from "./asking.js";
import { recall, remember } from "./database.js";
import { allTips } from "./outbox.js";

const PATIENCE_MS = 4_000;
// What the server told one account: gone when it signs out, and when another signs in.
const OF_AN_ACCOUNT = ["campaigns", "points"];

/** Whether a rider is signed in, by what the server last said; asks nothing. */
export function isSignedIn() {
  return recall("signed-in", false);
}

/** The account that is signed in, by what the server last said; "" for nobody. */
export async function presentAccount() {
  return (await isSignedIn()) ? recall("account", "") : "";
}

/**
 * Return the tips that whoever holds the phone may see, the newest first. A rider's are
 * hidden from another rider, and what was received already from nobody in particular too.
 */
export async function shownTips() {
  const account = await presentAccount();
  return (await allTips()).filter(
    (tip) => !tip.account || tip.account === account || (!account && !tip.number),
  );
}

/** Whether a rider was signed in on this phone before and nobody is now. */
export async function hasBeenSignedIn() {
  return !(await isSignedIn()) && Boolean(await recall("account", ""));
}

/** @param {string} account */
async function welcome(account) {
  const before = await recall("account", "");
  if (before && before !== account) {
    // What the rider before agreed to, and where they had been, is not this one's.
    for (const name of ["place-consent", "shops", "shops-around", "choices", ...OF_AN_ACCOUNT]) await remember(name, undefined);
  }
  await remember("account", account);
}

/** Ask the server; without a network what it last said stands. */
export async function refreshSession() {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    const response = await ask("/api/v1/me", { signal: patience.signal });
    if (response.ok) await welcome((await response.json()).account);
    else letGo(response);
    if (response.status === 401) for (const name of OF_AN_ACCOUNT) await remember(name, undefined);
    if (response.ok || response.status === 401) await remember("signed-in", response.ok);
  } catch {
    // What was last said stands.
  } finally {
    clearTimeout(timer);
  }
  return isSignedIn();
}
