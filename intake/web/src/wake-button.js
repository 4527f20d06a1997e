// The button by which a phone asks to be woken when there is news of a tip.

import { el, icon } from "./dom.js";
import { canBeWoken, pushKey, wakeFor } from "./push.js";
import { say } from "./words.js";

/** @typedef {import("./types.d.ts").Tip} Tip */

/** @param {Tip} tip */
export async function wakeButton(tip) {
  if (tip.wakes) return [el("p", { class: "note" }, say("有进展时，这部手机会提醒您。"))];
  const key = canBeWoken() && tip.state === "received" ? await pushKey() : "";
  if (!key) return [];
  const button = el(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: async () => {
        const taken = await wakeFor(tip, key);
        button.replaceWith(
          el("p", { class: "note", role: "status" }, taken ? say("有进展时，这部手机会提醒您。") : say("这部手机没有允许提醒，进展可以在“我的举报”里看。")),
        );
      },
    },
    icon("answered"),
    say("有进展时提醒我"),
  );
  return [button];
}
