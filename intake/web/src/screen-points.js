// My points: what can be spent, what waits, why each line came, and how old all that is.

import { el, heading } from "./dom.js";
import { backTo } from "./pages.js";
import { bringPoints, keptPoints } from "./points.js";
import { signInAgain } from "./screen-mine.js";
import { say, sayDay, sayMoment } from "./words.js";

/** @typedef {import("./points.js").Statement} Statement */
/** @typedef {"asking" | "fresh" | "away" | "nobody"} Asked */

/** @returns {Promise<import("./pages.js").Screen>} */
export async function pointsScreen() {
  const note = el("p", { class: "note", role: "status" });
  const body = el("div", {});
  /** @type {Asked} */
  let asked = "asking";
  let drawn = "";
  const refresh = async () => {
    const kept = await keptPoints();
    // Redrawn only when it reads otherwise: what somebody is reading must not jump.
    const now = `${kept?.account} ${kept?.as_of} ${asked}`;
    if (now === drawn) return;
    drawn = now;
    note.textContent = sayAge(kept, asked);
    body.replaceChildren(
      ...(kept ? statement(kept) : []),
      ...(asked === "nobody" ? [signInAgain(say("登录后，能看到您的积分。"))] : []),
    );
  };
  await refresh();
  void bringPoints().then((how) => {
    asked = how;
    return refresh();
  });
  const nodes = [
    backTo("mine", say("我的举报")),
    heading(say("我的积分")),
    note,
    body,
    el("a", { class: "button", href: "/points" }, say("积分规则、兑换和慰问（要有信号）")),
  ];
  return { title: say("我的积分"), nodes, refresh };
}

/**
 * @param {Statement | null} kept
 * @param {Asked} asked
 */
function sayAge(kept, asked) {
  if (!kept) {
    if (asked === "asking") return say("正在取积分…");
    return asked === "away" ? say("手机里还没有您的积分：有信号时打开一次，以后没信号也能看。") : "";
  }
  const moment = sayMoment(Date.parse(kept.as_of));
  if (asked === "away") return say("没有信号，这是 {moment} 的积分。", { moment });
  return say("{moment} 的积分。", { moment });
}

/** @param {Statement} kept */
function statement({ balance, pending, waiting, lines }) {
  return [
    el(
      "section",
      { class: "card", "aria-label": say("余额") },
      el("p", { class: "sum" }, el("span", { class: "note" }, say("可用")), " ", el("b", {}, String(balance))),
      el("p", { class: "note" }, say("待审核 {points} 分", { points: pending })),
      balance < 0 && el("p", {}, say("有积分在兑换以后被冲回，所以余额为负；以后得到的积分先补上它。")),
    ),
    waiting.length > 0 &&
      el(
        "section",
        { class: "card" },
        el("h2", {}, say("待审核")),
        el("ul", { class: "list" }, ...waiting.map((each) => line({ ...each, on: each.since }))),
        el("p", { class: "note" }, say("由没有参与核查的奖励专员审核。")),
      ),
    el(
      "section",
      { class: "card" },
      el("h2", {}, say("明细")),
      lines.length
        ? el("ul", { class: "list" }, ...lines.map(line))
        : el("p", {}, say("还没有积分。您举报的隐患经核查属实后，积分会记在这里。")),
    ),
  ].filter((each) => each !== false);
}

/** @param {{on: string, points: number, text: string, report_number: string | null}} entry */
function line({ on, points, text, report_number }) {
  return el(
    "li",
    {},
    el(
      "p",
      {},
      el("b", {}, points > 0 ? `+${points}` : String(points)),
      " ",
      text,
      el("br"),
      el(
        "span",
        { class: "note" },
        sayDay(on),
        report_number && " · ",
        report_number && el("span", { class: "code" }, report_number),
      ),
    ),
  );
}
