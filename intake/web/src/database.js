// The phone's own storage: one IndexedDB for the pages and the service worker.

import { openDB } from "idb";

const NAME = "suishoupai";
const VERSION = 1;
const TIPS = "tips";
const BLOBS = "blobs";
const KEEP = "keep";

/** @type {Promise<import("idb").IDBPDatabase> | null} */
let opened = null;

/** Return the database; rejects where the browser has none, as in some private windows. */
export function database() {
  opened ??= openDB(NAME, VERSION, {
    upgrade(made) {
      made.createObjectStore(TIPS, { keyPath: "id" });
      made.createObjectStore(BLOBS, { keyPath: "id" });
      made.createObjectStore(KEEP);
    },
    // A newer edition of the app in another tab must not wait for this one.
    blocking(_current, _blocked, event) {
      /** @type {IDBDatabase} */ (event.target).close();
      opened = null;
    },
    terminated() {
      opened = null;
    },
  }).catch((error) => {
    opened = null;
    throw error;
  });
  return opened;
}

/**
 * Read one of the small things that the app remembers.
 * @template T
 * @param {string} name
 * @param {T} otherwise
 * @returns {Promise<T>}
 */
export async function recall(name, otherwise) {
  try {
    return (await (await database()).get(KEEP, name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/**
 * Remember a small thing; a phone that can't keep it goes on without.
 * @param {string} name
 * @param {unknown} value
 */
export async function remember(name, value) {
  try {
    await (await database()).put(KEEP, value, name);
  } catch {
    // What is remembered only saves taps.
  }
}
