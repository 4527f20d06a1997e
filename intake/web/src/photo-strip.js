// The photos of a tip in a row, each with what can be done to it.

import { el, icon, picture } from "./dom.js";
import { photoBytes, removePhoto } from "./outbox.js";
import { go, show } from "./pages.js";
import { say } from "./words.js";

/**
 * @param {import("./types.d.ts").Tip} tip
 * @param {{plain?: boolean}} [how] `plain`: to look at only
 */
export async function photoStrip(tip, { plain = false } = {}) {
  const originals = tip.photos.filter(({ masked_of }) => !masked_of);
  const items = await Promise.all(
    originals.map(async (photo, at) => {
      const masked = tip.photos.find(({ masked_of }) => masked_of === photo.id);
      const bytes = await photoBytes((masked ?? photo).id);
      const words = say("第 {number} 张", { number: at + 1 });
      return el(
        "li",
        {},
        bytes ? picture(bytes, words) : null,
        plain ? null : removeButton(tip.id, photo.id, at + 1),
      );
    }),
  );
  return el("ul", { class: "previews" }, ...items);
}

/**
 * @param {string} tip_id
 * @param {string} photo_id
 * @param {number} number
 */
function removeButton(tip_id, photo_id, number) {
  return el(
    "button",
    {
      type: "button",
      "aria-label": say("去掉第 {number} 张", { number }),
      onclick: async () => {
        const left = await removePhoto(tip_id, photo_id);
        if (left?.photos.length) await show();
        else go("");
      },
    },
    icon("cross"),
  );
}
