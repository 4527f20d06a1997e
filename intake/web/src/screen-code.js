// What became of a tip, by number and receipt code alone: where its QR leads.

import { el, heading, icon } from "./dom.js";
import { backTo } from "./pages.js";
import { askStatus } from "./statuses.js";
import { say, sayDay } from "./words.js";

/**
 * @param {string[]} rest number and code
 * @returns {Promise<import("./pages.js").Screen>}
 */
export async function codeScreen([number, code]) {
  // The code must not stay in the address, which a browser keeps and others may see.
  history.replaceState(null, "", "#code");
  const card = el("article", { class: "card" });
  if (number && code) card.append(...(await found(number, code)));
  else card.append(el("p", {}, say("请再扫一次回执上的二维码。")));
  const nodes = [backTo("", say("拍照举报")), heading(say("举报办得怎么样了？")), card];
  return { title: say("查进度"), nodes };
}

/**
 * @param {string} number
 * @param {string} code
 */
async function found(number, code) {
  let status;
  try {
    status = await askStatus(number, code);
  } catch {
    return [el("p", {}, say("现在没信号：连上网后再扫一次。"))];
  }
  if (!status) {
    return [el("p", { class: "refusal" }, icon("warning"), say("没有找到：请核对编号和回执码。"))];
  }
  return [
    el("h2", {}, status.status.text),
    el("p", { class: "code" }, status.number),
    ...status.handling.map(handling),
    el("h3", {}, say("经过")),
    el("ol", { class: "history" }, ...status.history.map(entry)),
  ];
}

/** @param {{department: string, status: {text: string}, due_on: string | null}} item */
function handling({ department, status, due_on }) {
  return el(
    "section",
    { class: "handling" },
    el("h3", {}, department),
    el("p", {}, status.text),
    due_on
      ? el("p", { class: "note" }, say("最迟 {day} 核查完毕。", { day: sayDay(due_on) }))
      : null,
  );
}

/** @param {{on: string, text: string, department: string | null}} item */
function entry({ on, text, department }) {
  return el(
    "li",
    {},
    el("time", { datetime: on }, sayDay(on)),
    el("span", {}, department ? `${department} ${text}` : text),
  );
}
