// One sender at a time over all pages and the service worker: Web Locks where there are,
// else a lease in IndexedDB that ends by itself when its holder is killed.

import { database } from "./database.js";
import { newId } from "./sums.js";

const NAME = "suishoupai-sender";
const LEASE_MS = 15_000;
const me = newId();

/**
 * Do `work` unless somebody else is at it. Resolves to whether it was done here.
 * @param {() => Promise<void>} work
 * @returns {Promise<boolean>}
 */
export async function alone(work) {
  if (navigator.locks) {
    return navigator.locks.request(NAME, { ifAvailable: true }, async (lock) => {
      if (!lock) return false;
      await work();
      return true;
    });
  }
  if (!(await takeLease())) return false;
  const renewing = setInterval(takeLease, LEASE_MS / 3);
  try {
    await work();
  } finally {
    clearInterval(renewing);
    await endLease();
  }
  return true;
}

async function takeLease() {
  try {
    const writing = (await database()).transaction("keep", "readwrite");
    const lease = await writing.store.get(NAME);
    const free = !lease || lease.holder === me || lease.until_ms < Date.now();
    if (free) writing.store.put({ holder: me, until_ms: Date.now() + LEASE_MS }, NAME);
    await writing.done;
    return free;
  } catch {
    // Without storage there is nothing that another page could send.
    return true;
  }
}

async function endLease() {
  try {
    await (await database()).delete("keep", NAME);
  } catch {
    // It ends by itself.
  }
}
