// A tip may be sent off while the phone still looks for its place: the first fix after it is
// its place. One that comes minutes later would be that of the next street.

import { allTips, changeTip } from "./outbox.js";
import { bestPlace, placeState } from "./place.js";
import { hurry } from "./sending.js";

const STILL_THERE_MS = 120_000;

/** Give tips that wait for their place the present one; ask for the address where none came. */
export async function settlePlaces() {
  let settled = false;
  for (const tip of await allTips()) {
    if (!tip.awaits_place || tip.state !== "waiting") continue;
    const late = Date.now() - tip.created_at_ms > STILL_THERE_MS;
    const place = late ? null : bestPlace();
    if (!place && !late && placeState() === "looking") continue;
    settled = true;
    const located = place ?? tip.pin ?? (tip.premises_address || null);
    await changeTip(tip.id, (found) => {
      found.place = place;
      found.awaits_place = false;
      found.problem = located ? null : { kind: "place", code: "place-missing", detail: "" };
    });
  }
  if (settled) await hurry();
}

/**
 * Take the address of a tip whose place never came, and send it.
 * @param {string} id
 * @param {string} address
 */
export async function giveAddress(id, address) {
  await changeTip(id, (found) => {
    found.premises_address = address;
    found.problem = null;
  });
  await hurry();
}
