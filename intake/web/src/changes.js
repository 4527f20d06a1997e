// Tells every open page, and this one, that a tip has changed.

const NAME = "suishoupai-changes";
const channel = "BroadcastChannel" in self ? new BroadcastChannel(NAME) : null;
/** @type {Set<() => void>} */
const listeners = new Set();

/** Say that a tip has changed. */
export function announce() {
  channel?.postMessage("changed");
  tell();
}

/**
 * Be called whenever a tip has changed, here or in another page or the service worker.
 * @param {() => void} listener
 */
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell() {
  for (const listener of listeners) listener();
}

if (channel) {
  channel.onmessage = tell;
} else if ("document" in self) {
  // Safari before 15.4: what the service worker did is seen by looking.
  setInterval(() => document.visibilityState === "visible" && tell(), 3000);
}
