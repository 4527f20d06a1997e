// The campaigns that this rider was asked to, kept on the phone so that a shop's name and
// address can be read without a network. What is kept is one account's and shown to no other.

import { announce } from "./changes.js";
import { ask, letGo, refusal } from "./asking.js";
import { recall, remember } from "./database.js";
import { changeDraft } from "./draft.js";
import { bestPlace } from "./place.js";
import { presentAccount } from "./session.js";

/** @typedef {import("./types.d.ts").Campaign} Campaign */
/** @typedef {import("./types.d.ts").Visit} Visit */

const KEPT = "campaigns";

/** Return what the server last said to whoever is signed in. @returns {Promise<Campaign[]>} */
export async function keptCampaigns() {
  const account = await presentAccount();
  /** @type {{account: string, items: Campaign[]}} */
  const kept = await recall(KEPT, { account: "", items: [] });
  return account && kept.account === account ? kept.items : [];
}

/** Ask the server; without a network what it last said stands. */
export async function refreshCampaigns() {
  const account = await presentAccount();
  if (!account) return;
  try {
    const response = await ask("/api/v1/me/campaigns", {});
    if (response.ok) await keep(account, await response.json());
    else letGo(response);
  } catch {
    // What was last said stands.
  }
}

/**
 * @param {string} account
 * @param {{items: Campaign[]}} answer
 */
async function keep(account, { items }) {
  await remember(KEPT, { account, items });
  announce();
}

/**
 * Do something with a campaign or a task, at the server; raises SendingFailed.
 * @param {string} path
 * @param {Record<string, unknown>} [said]
 */
async function write(path, said) {
  const body = said && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(said) };
  const response = await ask(`/api/v1/me/${path}`, { method: "POST", ...body });
  if (!response.ok) throw await refusal(response);
  await keep(await presentAccount(), await response.json());
}

/** @param {Campaign} campaign @param {boolean} accept */
export const reply = (campaign, accept) => write(`campaigns/${campaign.id}/answer`, { accept });
/** @param {Visit} visit */
export const take = (visit) => write(`tasks/${visit.id}/take`);
/** @param {Visit} visit */
export const handBack = (visit) => write(`tasks/${visit.id}/hand-back`);

/**
 * Say that nothing was found, with the phone's place where the rider wants it compared.
 * @param {Visit} visit
 * @param {boolean} withPlace
 */
export function foundNothing(visit, withPlace) {
  const place = withPlace && bestPlace();
  if (!place) return write(`tasks/${visit.id}/visit`, {});
  const { latitude, longitude, accuracy_m } = place;
  return write(`tasks/${visit.id}/visit`, { latitude, longitude, accuracy_m });
}

/** @param {Visit} visit @param {string} obstacle */
export const couldNotVisit = (visit, obstacle) => write(`tasks/${visit.id}/visit`, { obstacle });

/** Let the draft be of a task: its shop is filled in. @param {Visit} visit */
export async function reportFrom(visit) {
  await changeDraft((found) => {
    found.task = visit.id;
    found.unnamed = false;
    found.premises_name = visit.name;
    found.premises_address = visit.address;
  });
}

/** @param {string} id */
export async function keptVisit(id) {
  const all = (await keptCampaigns()).flatMap(({ tasks }) => tasks);
  return all.find((visit) => visit.id === id && visit.mine && visit.state === "taken");
}
