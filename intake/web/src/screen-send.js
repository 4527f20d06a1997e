// The last look before sending: photos, what, where, and what one may add.

import { changeDraft, draft, finishDraft, knowsWhere } from "./draft.js";
import { el, heading, icon } from "./dom.js";
import { recall } from "./database.js";
import { categoryOf } from "./likely.js";
import { backTo, go, goInstead } from "./pages.js";
import { photoStrip } from "./photo-strip.js";
import { nearbyShops } from "./nearby-shops.js";
import { bestPlace, onPlace } from "./place.js";
import { fileInput } from "./screen-shutter.js";
import { signInAgain } from "./screen-mine.js";
import { placeChip } from "./screen-where.js";
import { hurry } from "./sending.js";
import { hasBeenSignedIn, isSignedIn } from "./session.js";
import { currentLanguage, say } from "./words.js";

/** @typedef {import("./types.d.ts").Tip} Tip */

/** @returns {Promise<import("./pages.js").Screen | null>} */
export async function sendScreen() {
  const tip = await draft();
  if (!tip.photos.length || !tip.categories.length) {
    goInstead(tip.photos.length ? "what" : "");
    return null;
  }
  const note = el("p", { class: "note", role: "status" });
  const chip = placeChip(Boolean(tip.pin), tip);
  const button = sendButton(note);
  const refresh = async () => {
    const now = await draft();
    chip.refresh(now);
    button.refresh(now);
  };
  button.refresh(tip);
  const names = (await isSignedIn()) ? [nameRow(tip)] : [];
  const nodes = [
    backTo("what", say("种类")),
    heading(say("发送前看一眼")),
    await photoStrip(tip),
    ...(tip.photos.some(({ mask }) => mask?.length)
      ? [el("p", { class: "note" }, say("遮住的部分别人看不到；原件没改，封存作证据。"))]
      : []),
    el(
      "label",
      { class: "album" },
      fileInput("more", note, { capture: "environment" }),
      icon("camera"),
      el("span", {}, say("再拍一张")),
    ),
    el("div", { class: "rows" }, what(tip), chip.node, shopRow(tip), wordsRow(tip), ...names),
    ...((await hasBeenSignedIn())
      ? [signInAgain(say("您没有登录：现在发出就是匿名的，不记积分。"))]
      : []),
    note,
    button.node,
  ];
  const stop = onPlace(refresh);
  addEventListener("online", refresh);
  addEventListener("offline", refresh);
  const leave = () => {
    stop();
    removeEventListener("online", refresh);
    removeEventListener("offline", refresh);
  };
  return { title: say("发送前看一眼"), nodes, refresh, leave };
}

/** @param {Tip} tip */
function what(tip) {
  const names = tip.categories.map((code) => {
    const category = categoryOf(code);
    return category ? category[currentLanguage()] : code;
  });
  return el(
    "a",
    { class: "chip", href: "#what" },
    icon(tip.categories[0]),
    el("span", {}, names.join(currentLanguage() === "en" ? ", " : "、")),
  );
}

/** @param {Tip} tip */
function shopRow(tip) {
  const words = tip.premises_name || say("写店名（可不写）");
  return el("a", { class: "chip", href: "#shop" }, icon("shop"), el("span", {}, words));
}

/** @param {Tip} tip */
function wordsRow(tip) {
  const words = tip.description || say("说两句（可不写）");
  return el("a", { class: "chip", href: "#words" }, icon("words"), el("span", {}, words));
}

/**
 * Whether the tip is to be the rider's or nobody's; only a signed-in rider is asked.
 * @param {Tip} tip
 */
function nameRow(tip) {
  const sayIt = (/** @type {boolean} */ unnamed) =>
    unnamed ? say("不署名：不记积分，凭回执码查进度") : say("署名：记积分，点一下改成不署名");
  const words = el("span", {}, sayIt(tip.unnamed));
  const button = el(
    "button",
    {
      type: "button",
      class: "chip",
      "aria-pressed": String(tip.unnamed),
      onclick: async () => {
        const { unnamed } = await changeDraft((found) => {
          found.unnamed = !found.unnamed;
        });
        words.textContent = sayIt(unnamed);
        button.setAttribute("aria-pressed", String(unnamed));
      },
    },
    icon("shield"),
    words,
  );
  return button;
}

/** @param {HTMLElement} note */
function sendButton(note) {
  const words = el("span");
  let lost = false;
  const button = el(
    "button",
    {
      type: "button",
      id: "send",
      onclick: async () => {
        if (lost) {
          go("where");
          return;
        }
        button.disabled = true;
        note.textContent = "";
        const sent = await finishDraft();
        navigator.vibrate?.(80);
        goInstead(`tip/${sent.id}`);
        void hurry();
      },
    },
    icon("send"),
    words,
  );
  /** @param {Tip} tip */
  const refresh = (tip) => {
    lost = !knowsWhere(tip);
    const text = lost
      ? say("先写店铺地址")
      : navigator.onLine
        ? say("发送")
        : say("发送（现在没信号，会自动补发）");
    if (words.textContent !== text) words.textContent = text;
  };
  return { node: el("div", { class: "send" }, button), refresh };
}

/** @returns {Promise<import("./pages.js").Screen>} */
export async function shopScreen() {
  const tip = await draft();
  /** @type {Array<{name: string, address: string}>} */
  const shops = await recall("shops", []);
  const own = shops.map((shop) => shop.name);
  const near = el("div", { class: "more-names" });
  void nearbyShops(tip.pin ?? bestPlace() ?? tip.place).then((names) => {
    const others = names.filter((each) => !own.includes(each));
    if (!others.length) return;
    near.append(
      el("h2", {}, say("附近公示过处罚的店")),
      el("p", { class: "note" }, say("处罚公示是公开的，和谁举报过没有关系。")),
      ...others.map(choice),
    );
  });
  const name = el("input", {
    type: "text",
    id: "shop-name",
    maxlength: "200",
    autocomplete: "off",
    value: tip.premises_name,
    oninput: () =>
      changeDraft((found) => {
        found.premises_name = name.value.trim();
      }),
  });
  const nodes = [
    backTo("send", say("回去")),
    heading(say("哪家店？")),
    el("label", { for: "shop-name" }, say("店名（可不写）")),
    name,
    ...(own.length ? [el("h2", {}, say("您写过的店")), ...own.map(choice)] : []),
    near,
    el("p", {}),
    el("button", { type: "button", onclick: () => go("send") }, say("好了")),
  ];
  return { title: say("哪家店？"), nodes };
}

/** A shop's name that one tap takes. @param {string} name */
function choice(name) {
  return el(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: async () => {
        await changeDraft((found) => {
          found.premises_name = name;
        });
        go("send");
      },
    },
    icon("shop"),
    name,
  );
}
