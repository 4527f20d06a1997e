// The tip that is being put together. It lies in the outbox from its first photo on.

import { recall, remember } from "./database.js";
import { addPhotos, changeTip, emptyTip, findDraft, findTip } from "./outbox.js";
import { bestPlace, placeState } from "./place.js";
import { isSignedIn, presentAccount } from "./session.js";
import { say } from "./words.js";

/** @typedef {import("./types.d.ts").Tip} Tip */

const MAX_PHOTO_BYTES = 25 * 1024 * 1024;
const MAX_TOGETHER_BYTES = 60 * 1024 * 1024;
// Whoever goes on with a draft later than this may be elsewhere by then.
const SAME_SPOT_MS = 5 * 60_000;
const REMEMBERED_SHOPS = 12;
const REMEMBERED_CHOICES = 60;

let maxPhotos = 9;
/** @type {Tip | null} */
let current = null;

/** @param {number} count */
export function limitPhotos(count) {
  maxPhotos = count;
}

/** Return the draft as it lies in the outbox, or a new one that lies nowhere yet. */
export async function draft() {
  const found = current && (await findTip(current.id));
  if (found?.state === "draft") return found;
  if (found) current = null;
  current = (await findDraft()) ?? current ?? emptyTip();
  return current;
}

/**
 * Write photos into the draft. Resolves to a sentence on what was left out, or "".
 * @param {File[]} files
 */
export async function takePhotos(files) {
  const tip = await draft();
  const { kept, left_out } = overLimits(tip, files);
  if (kept.length) {
    current = await addPhotos(tip, kept);
    await changeDraft((found) => {
      found.begun_ms ||= Date.now();
    });
    await notePlace();
  }
  return left_out;
}

/**
 * Part files into what a tip still takes and a sentence on what it does not.
 * @param {Tip} tip
 * @param {File[]} files
 */
export function overLimits(tip, files) {
  const kept = [];
  let bytes = tip.photos.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  let left_out = "";
  for (const file of files) {
    if (tip.photos.length + kept.length >= maxPhotos) {
      left_out = say("最多 {limit} 张，多的没有加进来。", { limit: maxPhotos });
    } else if (file.size > MAX_PHOTO_BYTES) {
      left_out = say("有一张超过 25 MB，没有加进来。");
    } else if (bytes + file.size > MAX_TOGETHER_BYTES) {
      left_out = say("照片加起来超过 60 MB，多的没有加进来。");
    } else {
      kept.push(file);
      bytes += file.size;
    }
  }
  return { kept, left_out };
}

/** Whether a draft was begun so long ago that the present place need not be its own. */
export function isOld(/** @type {Tip} */ tip) {
  return Boolean(tip.begun_ms) && Date.now() - tip.begun_ms > SAME_SPOT_MS;
}

/** Write the place into a draft while it is that of its photos. */
export async function notePlace() {
  const [tip, place] = [await draft(), bestPlace()];
  if (!place || !tip.photos.length || isOld(tip)) return;
  if (tip.place && tip.place.accuracy_m <= place.accuracy_m) return;
  await changeDraft((found) => {
    found.place = place;
  });
}

/** @param {Tip} tip */
function placeOf(tip) {
  return isOld(tip) ? tip.place : (bestPlace() ?? tip.place);
}

/** @param {(tip: Tip) => void} change */
export async function changeDraft(change) {
  const tip = await draft();
  const changed = await changeTip(tip.id, change);
  if (!changed) change(tip);
  return changed ?? tip;
}

/** Whether the tip says where it is, or soon will. @param {Tip} tip */
export function knowsWhere(tip) {
  return Boolean(placeOf(tip) ?? tip.pin ?? (tip.premises_address || isComing(tip)));
}

/** @param {Tip} tip */
function isComing(tip) {
  return placeState() === "looking" && !isOld(tip);
}

/** Hand the draft to the sender. Resolves, once it lies on the disk, to the tip. */
export async function finishDraft() {
  const [rider, account] = [await isSignedIn(), await presentAccount()];
  const tip = await changeDraft((found) => {
    found.state = "waiting";
    found.as = rider && !found.unnamed ? "rider" : "anonymous";
    found.account = account;
    found.place = placeOf(found);
    found.awaits_place = !found.place && isComing(found);
    found.created_at_ms = Date.now();
  });
  current = null;
  void rememberChoices(tip);
  return tip;
}

/** @param {Tip} tip */
async function rememberChoices(tip) {
  /** @type {Array<{code: string, hour: number}>} */
  const choices = await recall("choices", []);
  const hour = new Date().getHours();
  const made = tip.categories.map((code) => ({ code, hour }));
  await remember("choices", [...made, ...choices].slice(0, REMEMBERED_CHOICES));
  if (!tip.premises_name) return;
  const shop = { name: tip.premises_name, address: tip.premises_address };
  /** @type {Array<typeof shop>} */
  const shops = await recall("shops", []);
  const others = shops.filter(({ name }) => name !== shop.name);
  await remember("shops", [shop, ...others].slice(0, REMEMBERED_SHOPS));
}
