// Being woken when there is news of a tip, or for whoever is signed in: Web Push, where the
// operator has set it up. What comes says only that there is news; what it is, the app asks for when somebody looks.

import { ask, letGo } from "./asking.js";
import { recall, remember } from "./database.js";
import { changeTip } from "./outbox.js";
import { presentAccount } from "./session.js";

/** @typedef {import("./types.d.ts").Tip} Tip */

const WOKEN = "woken-account";

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
  const taken = await subscribe(key, `/api/v1/reports/${tip.number}/push-subscriptions`, {
    headers: { "Content-Type": "application/json", "Receipt-Code": tip.receipt_code },
    credentials: "omit",
  });
  if (taken) {
    await changeTip(tip.id, (found) => {
      found.wakes = true;
    });
  }
  return taken;
}

/** Whether this phone is woken for all news of whoever is signed in. */
export async function isWokenForMe() {
  const account = await presentAccount();
  return account !== "" && (await recall(WOKEN, "")) === account;
}

/**
 * Subscribe this phone to all news of whoever is signed in, invitations among them. Resolves
 * to whether the person allowed it and the server took it.
 * @param {string} key
 */
export async function wakeForMe(key) {
  const headers = { "Content-Type": "application/json" };
  const taken = await subscribe(key, "/api/v1/me/push-subscriptions", { headers });
  if (taken) await remember(WOKEN, await presentAccount());
  return taken;
}

/**
 * @param {string} key
 * @param {string} path
 * @param {RequestInit} request
 */
async function subscribe(key, path, request) {
  if ((await Notification.requestPermission()) !== "granted") return false;
  try {
    const registration = await navigator.serviceWorker.ready;
    const subscription = await registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: key,
    });
    const response = await ask(path, { ...request, method: "POST", body: JSON.stringify(subscription) });
    letGo(response);
    return response.ok;
  } catch {
    return false;
  }
}
