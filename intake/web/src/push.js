// Being woken when there is news of a tip: Web Push, where the operator has set it up. What
// comes says only that there is news; what it is, the app asks for when somebody looks.

import { ask, letGo } from "./asking.js";
import { changeTip } from "./outbox.js";

/** @typedef {import("./types.d.ts").Tip} Tip */

/** Whether this browser could be woken at all. */
export function canBeWoken() {
  return "serviceWorker" in navigator && "PushManager" in self && "Notification" in self;
}

/** The operator's key, or "" where push is not set up or there is no network. */
export async function pushKey() {
  try {
    const response = await ask("/api/v1/push-key", {});
    if (response.ok) return (await response.json()).public_key;
    letGo(response);
    return "";
  } catch {
    return "";
  }
}

/**
 * Subscribe this phone to the news of one tip: by its receipt code, so that nobody need be
 * signed in. Resolves to whether the person allowed it and the server took it.
 * @param {Tip} tip
 * @param {string} key
 */
export async function wakeFor(tip, key) {
  if ((await Notification.requestPermission()) !== "granted") return false;
  try {
    const registration = await navigator.serviceWorker.ready;
    const subscription = await registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: key,
    });
    const response = await ask(`/api/v1/reports/${tip.number}/push-subscriptions`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Receipt-Code": tip.receipt_code },
      credentials: "omit",
      body: JSON.stringify(subscription),
    });
    letGo(response);
    if (!response.ok) return false;
  } catch {
    return false;
  }
  await changeTip(tip.id, (found) => {
    found.wakes = true;
  });
  return true;
}
