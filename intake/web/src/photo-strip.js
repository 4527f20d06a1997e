// The photos of a tip in a row, each with what can be done to it.

import { el, icon, picture } from "./dom.js";
import { photoBytes, removePhoto } from "./outbox.js";
import { go, show } from "./pages.js";
import { drawMasked, fittedTo, loadImage } from "./masking.js";
import { say } from "./words.js";

const PREVIEW_PIXELS = 480;

/**
 * @param {import("./types.d.ts").Tip} tip
 * @param {{plain?: boolean}} [how] `plain`: to look at only
 */
export async function photoStrip(tip, { plain = false } = {}) {
  const items = await Promise.all(
    tip.photos.map(async (photo, at) => {
      const bytes = await photoBytes(photo.id);
      const words = say("第 {number} 张", { number: at + 1 });
      return el(
        "li",
        { class: plain || !bytes ? null : "coverable" },
        bytes ? await preview(bytes, photo.mask ?? [], words) : null,
        plain || !bytes ? null : brushButton(photo.id, at + 1),
        plain ? null : removeButton(tip, photo.id, at + 1),
      );
    }),
  );
  return el("ul", { class: "previews" }, ...items);
}

/**
 * A photo as others will see it.
 * @param {Blob} bytes
 * @param {import("./types.d.ts").Stroke[]} mask
 * @param {string} words
 */
async function preview(bytes, mask, words) {
  if (!mask.length) return picture(bytes, words);
  const image = await loadImage(bytes);
  if (!image) return picture(bytes, words);
  const canvas = el("canvas", { role: "img", "aria-label": words });
  drawMasked(fittedTo(canvas, image, PREVIEW_PIXELS), image, mask);
  return canvas;
}

/**
 * @param {string} photo_id
 * @param {number} number
 */
function brushButton(photo_id, number) {
  return el(
    "button",
    {
      type: "button",
      class: "cover",
      "aria-label": say("遮挡第 {number} 张的局部", { number }),
      onclick: () => go(`cover/${photo_id}`),
    },
    icon("brush"),
    el("span", {}, say("遮挡")),
  );
}

/**
 * @param {import("./types.d.ts").Tip} tip
 * @param {string} photo_id
 * @param {number} number
 */
function removeButton(tip, photo_id, number) {
  return el(
    "button",
    {
      type: "button",
      "aria-label": say("去掉第 {number} 张", { number }),
      onclick: async () => {
        const left = await removePhoto(tip.id, photo_id);
        // What is added to a tip may be words alone.
        if (left?.photos.length || tip.adds_to) await show();
        else go("");
      },
    },
    icon("cross"),
  );
}
