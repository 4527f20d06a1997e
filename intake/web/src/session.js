// Who uses this phone, as far as the server last said.

import { ask, letGo } from "./asking.js";
import { recall, remember } from "./database.js";

const PATIENCE_MS = 4_000;

/** Whether a rider is signed in, by what the server last said; asks nothing. */
export function isSignedIn() {
  return recall("signed-in", false);
}

/** Ask the server; without a network what it last said stands. */
export async function refreshSession() {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    const response = await ask("/api/v1/me", { signal: patience.signal });
    letGo(response);
    if (response.ok || response.status === 401) await remember("signed-in", response.ok);
  } catch {
    // What was last said stands.
  } finally {
    clearTimeout(timer);
  }
  return isSignedIn();
}
