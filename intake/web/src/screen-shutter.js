// The first screen: one big shutter, and what must be known before it is pressed.

import { el, heading, icon } from "./dom.js";
import { consentWords, decide, hasDecided } from "./consent.js";
import { draft, takePhotos } from "./draft.js";
import { removeTip } from "./outbox.js";
import { go, show } from "./pages.js";
import { isRiding, watchPlace } from "./place.js";
import { placeChip } from "./screen-where.js";
import { photoStrip } from "./photo-strip.js";
import { shownTips } from "./session.js";
import { say } from "./words.js";

// Two tips of the largest kind.
const ENOUGH_BYTES = 120 * 1024 * 1024;

/** @returns {Promise<import("./pages.js").Screen>} */
export async function shutterScreen() {
  const decided = await hasDecided();
  const note = el("p", { class: "note", role: "status" });
  const riding = el("div", { role: "alert" });
  const chip = placeChip();
  const tip = await draft();
  const refresh = () => {
    chip.refresh();
    const alarm = isRiding() && say("您好像正在骑行：先停稳，再拍。");
    if (riding.textContent !== (alarm || "")) {
      riding.replaceChildren(...(alarm ? [warning(alarm)] : []));
    }
  };
  refresh();
  const nodes = [
    heading(say("看到后厨不对劲？拍下来。")),
    riding,
    ...(tip.photos.length ? [await begun(tip)] : []),
    ...(decided ? [] : [consentCard()]),
    ...(await ownTips()),
    ...(await fullnessNote()),
    // Until the question is answered the shutter keeps its place at the thumb.
    ...(decided ? [chip.node, advice()] : []),
    note,
    shutter(note),
  ];
  return { title: say("拍照举报"), nodes, refresh };
}

/** @param {HTMLElement} note */
function shutter(note) {
  return el(
    "div",
    { class: "shutters" },
    el(
      "label",
      { class: "shutter" },
      fileInput("camera", note, { capture: "environment" }),
      icon("camera", "large"),
      el("span", {}, say("拍照")),
    ),
    el(
      "label",
      { class: "album" },
      fileInput("album", note, { multiple: true }),
      icon("album"),
      el("span", {}, say("从相册选")),
    ),
  );
}

/**
 * @param {string} id
 * @param {HTMLElement} note
 * @param {Record<string, unknown>} more
 */
export function fileInput(id, note, more) {
  const input = el("input", {
    type: "file",
    class: "file",
    id,
    accept: "image/*",
    ...more,
    onchange: async () => {
      const files = [...(input.files ?? [])];
      if (!files.length) return;
      note.textContent = say("正在存到手机里…");
      const left_out = await takePhotos(files);
      input.value = "";
      note.textContent = left_out;
      if (!left_out) go((await draft()).categories.length ? "send" : "what");
      else go("send");
    },
  });
  return input;
}

/** @param {import("./types.d.ts").Tip} tip */
async function begun(tip) {
  return el(
    "section",
    { class: "card" },
    el("h2", {}, say("您有一条还没发的举报")),
    await photoStrip(tip, { plain: true }),
    el("a", { class: "button", href: tip.categories.length ? "#send" : "#what" }, say("接着写")),
    el(
      "button",
      {
        type: "button",
        class: "quiet",
        onclick: async () => {
          await removeTip(tip.id);
          await show();
        },
      },
      say("不要了"),
    ),
  );
}

/** The question that the law wants asked apart: may the place be used, and what for. */
function consentCard() {
  const card = el("section", { class: "card", id: "place-consent" });
  /** @param {"yes" | "no"} answer */
  const answered = async (answer) => {
    if (answer === "yes") watchPlace();
    const deciding = decide(answer);
    card.remove();
    await deciding;
    await show();
  };
  const { title, paragraphs } = consentWords();
  const [first, ...others] = paragraphs;
  card.append(
    el("h2", {}, title),
    el("p", {}, first),
    el(
      "details",
      {},
      el("summary", {}, say("保存多久、怎么收回")),
      ...others.map((paragraph) => el("p", {}, paragraph)),
    ),
    el(
      "div",
      { class: "pair" },
      el("button", { type: "button", onclick: () => answered("yes") }, say("同意")),
      el(
        "button",
        { type: "button", class: "quiet", onclick: () => answered("no") },
        say("不同意"),
      ),
    ),
  );
  return card;
}

function advice() {
  const lines = [
    ["stop", say("先停稳，再拍照。")],
    ["no-entry", say("只在取餐能到的地方拍，不进后厨。")],
    ["no-face", say("别拍人脸、订单和电话号码。")],
  ];
  return el(
    "ul",
    { class: "advice" },
    ...lines.map(([name, words]) => el("li", {}, icon(name), el("span", {}, words))),
  );
}

/** @param {string} words */
function warning(words) {
  return el("p", { class: "refusal" }, icon("warning"), el("span", {}, words));
}

/** Say it before the phone is full, while there is still room for what comes. */
async function fullnessNote() {
  const { quota = Infinity, usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  if (quota - usage > ENOUGH_BYTES) return [];
  return [warning(say("手机快存满了：删些不用的照片或应用，举报才存得下。"))];
}

async function ownTips() {
  const tips = (await shownTips()).filter(({ state }) => state !== "draft");
  const unsent = tips.filter(({ state }) => state === "waiting" || state === "sending").length;
  if (!unsent) return [];
  const words = say("还有 {count} 条在手机上等着发", { count: unsent });
  return [el("a", { class: "button", href: "#mine" }, icon("on-phone"), words)];
}
