// Sends what waits in the outbox: photos by tus, then the tip with its Idempotency-Key, so
// that a repeat whose first answer was lost is the same report. Runs in a page or in the
// service worker, never in two places at once.

import { announce } from "./changes.js";
import { ask, refusal, SendingFailed } from "./asking.js";
import { bringConsent } from "./consent.js";
import { alone } from "./locks.js";
import { allTips, changeTip, findTip, keepAnswer, photoBytes, removeTip } from "./outbox.js";
import { withOffset } from "./sums.js";
import { bringPhoto } from "./uploads.js";

/** @typedef {import("./types.d.ts").Tip} Tip */
/** @typedef {import("./types.d.ts").Photo} Photo */

const FIRST_WAIT_MS = 4_000;
const LONGEST_WAIT_MS = 15 * 60_000;
const TELL_EVERY_MS = 400;

/**
 * Send every tip whose time has come. Resolves to when the next one is due, in
 * milliseconds since 1970, or null when nothing waits that time alone could help.
 * @param {{hurry?: boolean}} [how] `hurry`: do not wait for the time agreed with oneself
 */
export async function sendWaiting({ hurry = false } = {}) {
  let again = true;
  while (again) {
    again = false;
    await alone(async () => {
      for (const tip of await dueTips(hurry)) {
        await sendTip(tip);
        // Somebody may have put another one in meanwhile.
        again = true;
      }
    });
    hurry = false;
  }
  const left = (await waitingTips()).filter(({ problem }) => !problem);
  return left.length ? Math.min(...left.map(({ next_try_ms }) => next_try_ms)) : null;
}

async function waitingTips() {
  const tips = await allTips();
  // A tip found as «sending» was left there by a tab that was killed.
  return tips.filter(({ state }) => state === "waiting" || state === "sending").reverse();
}

/** @param {boolean} hurry */
async function dueTips(hurry) {
  const now = Date.now();
  return (await waitingTips()).filter(
    ({ problem, awaits_place, next_try_ms }) =>
      !problem && !awaits_place && (hurry || next_try_ms <= now),
  );
}

/** @param {Tip} tip */
async function sendTip(tip) {
  try {
    await changeTip(tip.id, (found) => {
      found.state = "sending";
    });
    await askWhoWeAre(tip);
    for (const photo of tip.photos) await sendPhoto(tip, photo);
    if (tip.as === "rider") await noteThatItMayArrive(tip);
    if (tip.adds_to) await postAddition(tip.id, tip.adds_to);
    else await keepAnswer(tip.id, await postTip(tip.id));
  } catch (error) {
    await putBack(tip.id, error instanceof SendingFailed ? error : new SendingFailed(0));
    if (!(error instanceof SendingFailed)) console.error(error);
  }
}

/**
 * A rider's tip must not go out as nobody's because a session has ended meanwhile, nor as
 * that of the colleague who has signed in on the same phone since.
 * @param {Tip} tip
 */
async function askWhoWeAre(tip) {
  if (tip.as !== "rider") return;
  const response = await ask("/api/v1/me", {});
  if (!response.ok) throw await refusal(response);
  const { account } = await response.json();
  if (tip.account && tip.account !== account) {
    throw new SendingFailed(401, { type: "other-account" });
  }
  // Without it the server would leave the phone's place out.
  await bringConsent();
}

/**
 * @param {Tip} tip
 * @param {Photo} photo
 */
async function sendPhoto(tip, photo) {
  // A report whose answer was lost has used the upload: it is named again, not sent again.
  if (photo.upload_url && photo.sent_bytes === photo.size_bytes) return;
  const bytes = await photoBytes(photo.id);
  if (!bytes) throw new SendingFailed(400, { type: "photo-lost" });
  let told_ms = 0;
  /** @param {(found: Photo) => void} change */
  const changePhoto = (change) =>
    changeTip(tip.id, (found) => {
      const mine = found.photos.find(({ id }) => id === photo.id);
      if (mine) change(mine);
    });
  const tell = {
    began: (/** @type {string} */ upload_url) =>
      changePhoto((mine) => {
        mine.upload_url = upload_url;
      }),
    sent: (/** @type {number} */ sent_bytes) => {
      // Whether all of it is there, the server says.
      if (Date.now() - told_ms < TELL_EVERY_MS || sent_bytes >= photo.size_bytes) return;
      told_ms = Date.now();
      void changePhoto((mine) => {
        mine.sent_bytes = sent_bytes;
      });
    },
  };
  const url = await bringPhoto(photo, bytes, tell, credentialsOf(tip));
  await changePhoto((mine) => {
    mine.upload_url = url;
    mine.sent_bytes = mine.size_bytes;
  });
}

/**
 * The server knows an Idempotency-Key as one rider's: a tip that may be theirs already would
 * be doubled if it went out as nobody's later.
 * @param {Tip} tip
 */
async function noteThatItMayArrive(tip) {
  await changeTip(tip.id, (found) => {
    found.may_have_arrived = true;
  });
}

/**
 * Send the tip itself; resolves to the server's answer once its sums are our sums.
 * @param {string} id
 */
async function postTip(id) {
  const tip = /** @type {Tip} */ (await findTip(id));
  const response = await ask("/api/v1/reports", {
    method: "POST",
    headers: { "Idempotency-Key": tip.id, "Device-Time": withOffset(Date.now()) },
    credentials: credentialsOf(tip),
    body: formOf(tip),
  });
  const answer = await answerOf(response, tip);
  return {
    number: answer.number,
    receipt_code: answer.receipt_code,
    received_at: answer.received_at,
  };
}

/**
 * Send what is added to a tip, and let go of it once the server has it: a repeat after an
 * answer that was lost is known by its key.
 * @param {string} id
 * @param {NonNullable<Tip["adds_to"]>} adds_to
 */
async function postAddition(id, adds_to) {
  const tip = /** @type {Tip} */ (await findTip(id));
  const response = await ask(`/api/v1/reports/${adds_to.number}/supplements`, {
    method: "POST",
    // Also a rider's own: the code opens a report of before the account was theirs.
    headers: { "Idempotency-Key": tip.id, "Receipt-Code": adds_to.receipt_code },
    credentials: credentialsOf(tip),
    body: formOf(tip),
  });
  await answerOf(response, tip);
  await changeTip(adds_to.tip_id, (found) => {
    found.additions = (found.additions ?? 0) + 1;
  });
  await removeTip(id);
}

/**
 * Read an answer whose photos are those of this phone; raises SendingFailed.
 * @param {Response} response
 * @param {Tip} tip
 */
async function answerOf(response, tip) {
  if (!response.ok) throw await refusal(response);
  const answer = await response.json();
  const kept = answer.photos.map((/** @type {{sha256: string}} */ { sha256 }) => sha256);
  const differs = tip.photos.some(({ sha256 }, at) => sha256 && sha256 !== kept[at]);
  if (differs) throw new SendingFailed(400, { type: "photo-changed" });
  return answer;
}

/** Nobody's tip goes out without the cookies of whoever is signed in. @param {Tip} tip */
function credentialsOf(tip) {
  return tip.as === "rider" ? "same-origin" : "omit";
}

/** @param {Tip} tip */
function formOf(tip) {
  const form = new FormData();
  for (const photo of tip.photos) {
    form.append("photo_uploads", photo.upload_url.split("/").pop() ?? "");
  }
  if (tip.photos.some(({ mask }) => mask?.length)) {
    form.append("masks", JSON.stringify(tip.photos.map(({ mask }) => mask ?? [])));
  }
  if (tip.adds_to) {
    if (tip.description) form.append("description", tip.description);
    return form;
  }
  for (const code of tip.categories) form.append("category", code);
  form.append("captured_at", tip.photos[0].taken_at);
  if (tip.place) {
    form.append("latitude", String(tip.place.latitude));
    form.append("longitude", String(tip.place.longitude));
    form.append("accuracy_m", String(tip.place.accuracy_m));
    form.append("datum", "wgs84");
  }
  if (tip.pin) {
    form.append("pin_latitude", String(tip.pin.latitude));
    form.append("pin_longitude", String(tip.pin.longitude));
  }
  // A task is a rider's: nobody's tip has none.
  if (tip.task && tip.as === "rider") form.append("task", tip.task);
  for (const name of /** @type {const} */ (["description", "premises_name", "premises_address"])) {
    if (tip[name]) form.append(name, tip[name]);
  }
  return form;
}

// What the server will not say otherwise to, however often it is asked.
const FINAL = new Set([400, 403, 409, 413, 415, 422]);
// It no longer has what was uploaded, or has it wrong: bring it again.
const UPLOAD_GONE = /^upload-(unknown|expired|lost|used|unfinished|sum-mismatch|overflows)$/;
// What has arrived still stands, another line was there first: ask how much, and go on.
const UPLOAD_GOES_ON = /^upload-(offset-differs|taken-over|cut)$/;

/** @param {SendingFailed} failure */
function isFinal({ status, code }) {
  // What is added to a report that its number and code don't open will never be.
  return FINAL.has(status) || code === "report-not-found";
}

/**
 * Put a tip back to waiting, with the reason where a person has to do something.
 * @param {string} id
 * @param {SendingFailed} failure
 */
async function putBack(id, failure) {
  await changeTip(id, (tip) => {
    tip.state = "waiting";
    tip.attempts += 1;
    if (failure.status === 401) {
      tip.problem = { kind: "sign-in", code: failure.code, detail: failure.detail };
    } else if (failure.code === "photo-changed" || UPLOAD_GONE.test(failure.code)) {
      for (const photo of tip.photos) Object.assign(photo, { upload_url: "", sent_bytes: 0 });
    } else if (isFinal(failure) && !UPLOAD_GOES_ON.test(failure.code)) {
      tip.problem = { kind: "refused", code: failure.code, detail: failure.detail };
    }
    const doubled = Math.min(FIRST_WAIT_MS * 2 ** (tip.attempts - 1), LONGEST_WAIT_MS);
    // Phones that lost the same mast must not come back in the same second.
    const wait_ms = Math.max(doubled * (0.75 + Math.random() / 2), failure.retry_after_s * 1000);
    tip.next_try_ms = Date.now() + wait_ms;
  });
  announce();
}

/** How much of a tip has arrived, 0 to 100. @param {Tip} tip */
export function percentSent(tip) {
  const all = tip.photos.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  const sent = tip.photos.reduce((sum, { sent_bytes }) => sum + sent_bytes, 0);
  return all ? Math.min(99, Math.floor((100 * sent) / all)) : 0;
}

/**
 * Let tips go that waited for a person: who has signed in, or wants it tried again.
 * @param {import("./types.d.ts").Problem["kind"]} kind
 */
export async function clearProblems(kind) {
  for (const tip of await waitingTips()) {
    if (tip.problem?.kind === kind) {
      await changeTip(tip.id, (found) => {
        found.problem = null;
        found.next_try_ms = 0;
      });
    }
  }
}
