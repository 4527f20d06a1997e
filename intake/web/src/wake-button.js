// The button by which a phone asks to be woken when there is news: of a tip, or of anything
// that whoever is signed in is told.

import { el, icon } from "./dom.js";
import { canBeWoken, isWokenForMe, pushKey, wakeFor, wakeForMe } from "./push.js";
import { say } from "./words.js";

/** @typedef {import("./types.d.ts").Tip} Tip */

/** @param {Tip} tip */
export async function wakeButton(tip) {
  const done = say("有进展时，这部手机会提醒您。");
  if (tip.wakes) return [el("p", { class: "note" }, done)];
  const key = canBeWoken() && tip.state === "received" ? await pushKey() : "";
  const refused = say("这部手机没有允许提醒，进展可以在“我的举报”里看。");
  return key ? [button(say("有进展时提醒我"), () => wakeFor(tip, key), done, refused)] : [];
}

/** For whoever is signed in. */
export async function wakeMeButton() {
  const done = say("有活动请您参加时，这部手机会提醒您。");
  if (await isWokenForMe()) return [el("p", { class: "note" }, done)];
  const key = canBeWoken() ? await pushKey() : "";
  const refused = say("这部手机没有允许提醒，请您参加的活动都在这一页。");
  return key ? [button(say("有活动请我参加时提醒我"), () => wakeForMe(key), done, refused)] : [];
}

/**
 * @param {string} words
 * @param {() => Promise<boolean>} wake
 * @param {string} done
 * @param {string} refused
 */
function button(words, wake, done, refused) {
  const made = el(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: async () => {
        const taken = await wake();
        made.replaceWith(el("p", { class: "note", role: "status" }, taken ? done : refused));
      },
    },
    icon("answered"),
    words,
  );
  return made;
}
