// What became of the tips that were received: asked for while somebody looks, not in the
// background, and no oftener than the answer could have changed.

import { ask, letGo } from "./asking.js";
import { allTips, changeTip } from "./outbox.js";
import { currentLanguage } from "./words.js";

const ASK_EVERY_MS = 60_000;
// A tip whose answer is this old has no more news.
const FORGET_AFTER_MS = 400 * 24 * 3600_000;
let asking = false;

/** Ask for the status of every received tip that was not asked for lately. */
export async function refreshStatuses() {
  if (asking) return;
  asking = true;
  try {
    for (const tip of await allTips()) {
      const age_ms = Date.now() - (tip.status?.checked_at_ms ?? 0);
      const old = Date.now() - tip.created_at_ms > FORGET_AFTER_MS;
      if (tip.number && age_ms > ASK_EVERY_MS && !old) await refreshStatus(tip);
    }
  } catch {
    // Without a network the last answer stands.
  } finally {
    asking = false;
  }
}

/** @param {import("./types.d.ts").Tip} tip */
async function refreshStatus(tip) {
  const status = await askStatus(tip.number, tip.receipt_code);
  if (!status) return;
  const due = status.handling.map((/** @type {any} */ { due_on }) => due_on).filter(Boolean);
  const answered = status.handling.length > 0 && !due.length;
  await changeTip(tip.id, (found) => {
    found.state = answered ? "answered" : "received";
    found.status = {
      code: status.status.code,
      text: status.status.text,
      due_on: due.sort().pop() ?? "",
      answered,
      can_add: status.actions.some((/** @type {{code: string}} */ { code }) => code === "supplement"),
      checked_at_ms: Date.now(),
    };
  });
}

/**
 * Ask for a status by number and code; resolves to the answer, or null where there is none.
 * @param {string} number
 * @param {string} code
 */
export async function askStatus(number, code) {
  const response = await ask(`/api/v1/reports/${encodeURIComponent(number)}`, {
    // By its code alone, whoever is signed in: an anonymous tip's is nobody's, and a session
    // that has ended hides no answer.
    credentials: "omit",
    headers: { "Receipt-Code": code, "Accept-Language": currentLanguage() },
  });
  if (response.ok) return response.json();
  letGo(response);
  return null;
}
