// Where it is: the chip that shows it, and the screen on which it is put right.

import { el, heading, icon } from "./dom.js";
import { decide, mayUsePlace } from "./consent.js";
import { changeDraft, draft, isOld } from "./draft.js";
import { backTo, go } from "./pages.js";
import { bestPlace, placeState, watchPlace } from "./place.js";
import { say } from "./words.js";

/**
 * A chip that says how well the place is known, and leads to where it is put right.
 * @param {boolean} [pinned] the rider has pointed at it
 * @param {import("./types.d.ts").Tip} [tip] what it is the place of
 */
export function placeChip(pinned = false, tip) {
  const words = el("span", { "aria-live": "polite" });
  const node = el("a", { class: "chip", href: "#where" }, icon("place"), words);
  const refresh = (now = tip) => {
    const text = sayPlace(pinned, now);
    if (words.textContent !== text) words.textContent = text;
  };
  refresh();
  return { node, refresh };
}

/**
 * Say in a few words how well the place is known.
 * @param {boolean} [pinned] the rider has pointed at it
 * @param {import("./types.d.ts").Tip} [tip] what it is the place of
 */
export function sayPlace(pinned = false, tip) {
  if (pinned) return say("地图上指定的位置");
  if (tip && isOld(tip)) {
    return tip.place
      ? say("用的是拍照时的位置：±{metres} 米", { metres: Math.ceil(tip.place.accuracy_m) })
      : say("拍照时没有定到位：请写地址");
  }
  const place = bestPlace();
  if (place) {
    const metres = Math.ceil(place.accuracy_m);
    if (place.coarse) return say("位置很粗：±{metres} 米", { metres });
    if (place.cached) return say("用的是刚才的位置：±{metres} 米", { metres });
    return say("已定位 · ±{metres} 米", { metres });
  }
  return {
    off: say("没有用定位：可写地址"),
    looking: say("正在定位…"),
    found: say("正在定位…"),
    refused: say("手机没让用定位：可写地址"),
    unable: say("定不了位：可写地址"),
  }[placeState()];
}

/** @returns {Promise<import("./pages.js").Screen>} */
export async function whereScreen() {
  const tip = await draft();
  const allowed = await mayUsePlace();
  const address = el("input", {
    type: "text",
    id: "address",
    maxlength: "300",
    autocomplete: "off",
    value: tip.premises_address,
    oninput: () =>
      changeDraft((found) => {
        found.premises_address = address.value.trim();
      }),
  });
  const how = el("p", { class: "chip", role: "status" }, icon("place"), el("span"));
  const refresh = () => {
    const words = /** @type {HTMLElement} */ (how.querySelector("span"));
    const text = sayPlace(Boolean(tip.pin), tip);
    if (words.textContent !== text) words.textContent = text;
  };
  refresh();
  const agree = el(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: async () => {
        watchPlace();
        agree.remove();
        await decide("yes");
      },
    },
    say("同意使用我的位置"),
  );
  const nodes = [
    backTo(tip.photos.length ? "send" : "", say("回去")),
    heading(say("在哪里？")),
    how,
    ...(allowed ? [] : [agree]),
    el("a", { class: "button", href: "#map" }, icon("place"), say("在地图上指出来")),
    el("label", { for: "address" }, say("店铺地址（定位不准时请写）")),
    address,
    el("p", {}),
    el(
      "button",
      { type: "button", onclick: () => go(tip.photos.length ? "send" : "") },
      say("好了"),
    ),
  ];
  return { title: say("在哪里？"), nodes, refresh };
}
