// The outbox: tips with their photos lie here before anything else happens to them, and
// leave only when the server has answered. What can't be written, because the phone is
// full or the browser keeps nothing, is held in memory for as long as the page lives.

import { announce } from "./changes.js";
import { database } from "./database.js";
import { readPhoto } from "./reading.js";
import { newId } from "./sums.js";

/** @typedef {import("./types.d.ts").Tip} Tip */
/** @typedef {import("./types.d.ts").Photo} Photo */

/** @type {Map<string, Tip>} */
const heldTips = new Map();
/** @type {Map<string, Blob>} */
const heldBlobs = new Map();

/** @returns {Tip} */
export function emptyTip() {
  return {
    id: newId(),
    state: "draft",
    as: "anonymous",
    account: "",
    unnamed: false,
    created_at_ms: Date.now(),
    begun_ms: 0,
    categories: [],
    place: null,
    awaits_place: false,
    pin: null,
    premises_name: "",
    premises_address: "",
    description: "",
    photos: [],
    attempts: 0,
    may_have_arrived: false,
    next_try_ms: 0,
    problem: null,
    unsaved: false,
    wakes: false,
    adds_to: null,
    number: "",
    receipt_code: "",
    received_at: "",
    status: null,
  };
}

/**
 * Return every tip, the newest first.
 * @returns {Promise<Tip[]>}
 */
export async function allTips() {
  /** @type {Tip[]} */
  let kept = [];
  try {
    kept = await (await database()).getAll("tips");
  } catch {
    // A browser without storage has only what this page holds.
  }
  const tips = kept.filter((tip) => !heldTips.has(tip.id)).concat(...heldTips.values());
  return tips.sort((one, other) => other.created_at_ms - one.created_at_ms);
}

/**
 * @param {string} id
 * @returns {Promise<Tip | undefined>}
 */
export async function findTip(id) {
  const held = heldTips.get(id);
  if (held) return held;
  try {
    return await (await database()).get("tips", id);
  } catch {
    return undefined;
  }
}

/** Return the tip that was begun and not sent, if there is one. */
export async function findDraft() {
  return (await allTips()).find((tip) => tip.state === "draft" && !tip.adds_to);
}

/**
 * Return what was begun and holds a photo: a tip, or what is added to one.
 * @param {string} photo_id
 */
export async function draftWith(photo_id) {
  return (await allTips()).find(
    ({ state, photos }) => state === "draft" && photos.some(({ id }) => id === photo_id),
  );
}

/**
 * Change a tip as it now is, in one transaction, and tell everybody.
 * @param {string} id
 * @param {(tip: Tip) => void} change
 * @returns {Promise<Tip | undefined>}
 */
export async function changeTip(id, change) {
  const held = heldTips.get(id);
  if (held) {
    change(held);
    announce();
    return held;
  }
  const writing = (await database()).transaction("tips", "readwrite", { durability: "strict" });
  const tip = await writing.store.get(id);
  if (tip) {
    change(tip);
    writing.store.put(tip);
  }
  await writing.done;
  announce();
  return tip;
}

/**
 * Write photos into a tip, and the tip where it is new. Resolves once they lie on the
 * disk; where the phone has no room, `unsaved` says so and this page holds them.
 * @param {Tip} tip
 * @param {Blob[]} files
 * @returns {Promise<Tip>}
 */
export async function addPhotos(tip, files) {
  const photos = await Promise.all(files.map(readPhoto));
  let changed = withPhotos(heldTips.get(tip.id) ?? tip, photos);
  if (!heldTips.has(tip.id)) {
    try {
      const writing = (await database()).transaction(["tips", "blobs"], "readwrite", {
        durability: "strict",
      });
      // As it is now: while a file was read the tip may have been sent, here or in another tab.
      changed = withPhotos((await writing.objectStore("tips").get(tip.id)) ?? tip, photos);
      for (const { photo, blob } of photos) {
        writing.objectStore("blobs").put({ id: photo.id, blob }).catch(ignore);
      }
      writing.objectStore("tips").put(changed).catch(ignore);
      await writing.done;
      announce();
      return changed;
    } catch (error) {
      console.info("The tip stays in memory:", error instanceof Error ? error.name : error);
      await hold(changed);
    }
  }
  heldTips.set(changed.id, { ...changed, unsaved: true });
  for (const { photo, blob } of photos) heldBlobs.set(photo.id, blob);
  announce();
  return /** @type {Tip} */ (heldTips.get(changed.id));
}

/**
 * Return a draft with more photos; what is sent off is left as it is and another one begun.
 * @param {Tip} tip
 * @param {{photo: Photo}[]} photos
 * @returns {Tip}
 */
function withPhotos(tip, photos) {
  const open = tip.state === "draft" ? tip : { ...emptyTip(), adds_to: tip.adds_to };
  return { ...open, photos: [...open.photos, ...photos.map(({ photo }) => photo)] };
}

/**
 * Try once more to write what only this page holds. Resolves to whether it lies on the disk.
 * @param {string} id
 */
export async function saveHeld(id) {
  const tip = heldTips.get(id);
  if (!tip) return true;
  try {
    const writing = (await database()).transaction(["tips", "blobs"], "readwrite", {
      durability: "strict",
    });
    for (const photo of tip.photos) {
      const blob = heldBlobs.get(photo.id);
      if (blob) writing.objectStore("blobs").put({ id: photo.id, blob }).catch(ignore);
    }
    writing.objectStore("tips").put({ ...tip, unsaved: false }).catch(ignore);
    await writing.done;
  } catch {
    return false;
  }
  heldTips.delete(id);
  for (const photo of tip.photos) heldBlobs.delete(photo.id);
  announce();
  return true;
}

/**
 * Return a photo's bytes, or undefined where the browser has thrown them away.
 * @param {string} id
 * @returns {Promise<Blob | undefined>}
 */
export async function photoBytes(id) {
  const held = heldBlobs.get(id);
  if (held) return held;
  try {
    return (await (await database()).get("blobs", id))?.blob;
  } catch {
    return undefined;
  }
}

/**
 * Take a photo out of a tip.
 * @param {string} tip_id
 * @param {string} photo_id
 */
export async function removePhoto(tip_id, photo_id) {
  /** @type {Photo[]} */
  let gone = [];
  const tip = await changeTip(tip_id, (found) => {
    gone = found.photos.filter(({ id }) => id === photo_id);
    found.photos = found.photos.filter((photo) => !gone.includes(photo));
  });
  await removeBytes(gone);
  return tip;
}

/**
 * Take a tip off this phone.
 * @param {string} id
 */
export async function removeTip(id) {
  const tip = await findTip(id);
  if (!tip) return;
  heldTips.delete(id);
  await removeBytes(tip.photos);
  try {
    await (await database()).delete("tips", id);
  } catch {
    // It was held by this page only.
  }
  announce();
}

/**
 * Keep the server's answer and let go of the photos: both in one transaction.
 * @param {string} id
 * @param {Pick<Tip, "number" | "receipt_code" | "received_at">} answer
 */
export async function keepAnswer(id, answer) {
  const received = { ...answer, state: /** @type {const} */ ("received"), problem: null };
  const held = heldTips.get(id);
  if (held) {
    for (const photo of held.photos) heldBlobs.delete(photo.id);
    Object.assign(held, received, { unsaved: false });
    if (!(await saveHeld(id))) heldTips.set(id, held);
    announce();
    return;
  }
  const writing = (await database()).transaction(["tips", "blobs"], "readwrite", {
    durability: "strict",
  });
  /** @type {Tip} */
  const tip = await writing.objectStore("tips").get(id);
  writing.objectStore("tips").put({ ...tip, ...received });
  for (const photo of tip.photos) writing.objectStore("blobs").delete(photo.id);
  await writing.done;
  announce();
}

/**
 * Hold a tip in memory with those of its photos that did get written.
 * @param {Tip} tip
 */
async function hold(tip) {
  for (const photo of tip.photos) {
    const blob = await photoBytes(photo.id);
    if (blob) heldBlobs.set(photo.id, blob);
  }
}

/** @param {Photo[]} photos */
async function removeBytes(photos) {
  for (const photo of photos) heldBlobs.delete(photo.id);
  try {
    const writing = (await database()).transaction("blobs", "readwrite");
    for (const photo of photos) writing.store.delete(photo.id);
    await writing.done;
  } catch {
    // They were held by this page only.
  }
}

function ignore() {
  // The transaction's own rejection tells it.
}
