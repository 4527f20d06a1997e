// When the page sends: at once, when the network comes back, when somebody looks again,
// and when the wait agreed with oneself is over. The service worker does the same without
// a page where the browser has Background Sync.

import { onChange } from "./changes.js";
import { allTips } from "./outbox.js";
import { sendWaiting } from "./sender.js";

const LOOK_SOON_MS = 1_000;
const LOOK_AGAIN_MS = 20_000;
let timer = 0;
let running = false;

/** Send what waits, now and whatever time was agreed. */
export async function hurry() {
  void askForBackgroundSync();
  await run(true);
}

/** Begin to look after the outbox for as long as the page lives. */
export function keepSending() {
  addEventListener("online", () => void hurry());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void run(false);
  });
  onChange(showOnIcon);
  void run(true);
}

/** @param {boolean} now */
async function run(now) {
  if (running) return;
  running = true;
  clearTimeout(timer);
  // Again in any case: the phone's storage may fail for a moment.
  let next_ms = /** @type {number | null} */ (Date.now() + LOOK_AGAIN_MS);
  try {
    next_ms = await sendWaiting({ hurry: now });
  } finally {
    running = false;
    if (next_ms !== null) {
      // What is due and was not sent is being sent by another page.
      const wait_ms = Math.min(Math.max(next_ms - Date.now(), LOOK_SOON_MS), LOOK_AGAIN_MS);
      timer = setTimeout(() => void run(false), wait_ms);
    }
  }
}

async function askForBackgroundSync() {
  try {
    const registration = await navigator.serviceWorker?.ready;
    await registration?.sync?.register("outbox");
  } catch {
    // No Background Sync here: the page sends, now or when it is opened next.
  }
}

/** The number of tips that wait stands on the app's icon, where there is one. */
async function showOnIcon() {
  const waiting = (await allTips()).filter(({ state }) => state === "waiting").length;
  if (waiting) navigator.setAppBadge?.(waiting)?.catch(() => {});
  else navigator.clearAppBadge?.()?.catch(() => {});
}
