// My tips: each a card whose state is told by its shape as well as its colour.

import { el, heading, icon, ring } from "./dom.js";
import { categoryOf } from "./likely.js";
import { hasBeenSignedIn, isSignedIn, shownTips } from "./session.js";
import { backTo } from "./pages.js";
import { percentSent } from "./sender.js";
import { refreshStatuses } from "./statuses.js";
import { keptCampaigns, refreshCampaigns } from "./visits.js";
import { currentLanguage, say, sayMoment } from "./words.js";

/** @typedef {import("./types.d.ts").Campaign} Campaign */
/** @typedef {import("./types.d.ts").Tip} Tip */

/** @returns {Promise<import("./pages.js").Screen>} */
export async function mineScreen() {
  const list = el("ul", { class: "tips" });
  const visits = el("div", { class: "ways" });
  const refresh = async () => {
    const tips = (await shownTips()).filter(({ state }) => state !== "draft");
    list.replaceChildren(...(tips.length ? tips.map(card) : [nothing()]));
    visits.replaceChildren(...wayToVisits(await keptCampaigns()));
  };
  await refresh();
  void refreshStatuses();
  // A notice leads here, and may be about an invitation that came a moment ago.
  void refreshCampaigns();
  const nodes = [
    backTo("", say("拍照举报")),
    heading(say("我的举报")),
    list,
    ...((await hasBeenSignedIn()) ? [signInAgain(say("登录后，能看到用您的号码发的举报。"))] : []),
    visits,
    ...((await isSignedIn()) ? [el("a", { class: "button", href: "#points" }, say("我的积分"))] : []),
    el("a", { class: "button", href: "/status" }, say("凭回执码查进度")),
    el("a", { class: "button", href: "#stations" }, say("附近的驿站")),
    el("a", { class: "button", href: "/me" }, say("我的账号和建议")),
  ];
  return { title: say("我的举报"), nodes, refresh };
}

/** @param {Campaign[]} campaigns @returns {Node[]} */
function wayToVisits(campaigns) {
  const isAsked = campaigns.some(({ accepted, over }) => accepted === null && !over);
  const words = isAsked ? say("走访活动：请您参加") : say("走访活动");
  return campaigns.length ? [el("a", { class: "button", href: "#visits" }, words)] : [];
}

/** @param {Tip} tip */
function card(tip) {
  const names = tip.categories.map((code) => categoryOf(code)?.[currentLanguage()] ?? code);
  const what = names.join(currentLanguage() === "en" ? ", " : "、");
  return el(
    "li",
    {},
    el(
      "a",
      { class: `tip ${shapeOf(tip)}`, href: `#tip/${tip.id}` },
      badge(tip),
      el(
        "span",
        { class: "tip-words" },
        el("b", {}, tip.adds_to ? say("补充：{what}", { what }) : what),
        el("span", {}, sayState(tip)),
        el("span", { class: "note" }, [tip.premises_name, sayMoment(tip.created_at_ms)].filter(Boolean).join(" · ")),
      ),
    ),
  );
}

/** @param {Tip} tip @returns {"stuck" | "waiting" | "sending" | "received" | "answered"} */
export function shapeOf(tip) {
  if (tip.problem) return "stuck";
  return tip.state === "draft" ? "waiting" : tip.state;
}

/** The picture of a tip's state: phone, ring, tick in a circle, or speech bubble. @param {Tip} tip */
export function badge(tip) {
  const shape = shapeOf(tip);
  if (shape === "sending") return ring(percentSent(tip));
  const drawn = { stuck: "warning", waiting: "on-phone", received: "received", answered: "answered" };
  return icon(drawn[shape], "large");
}

/** Say a tip's state in one line. @param {Tip} tip */
export function sayState(tip) {
  switch (shapeOf(tip)) {
    case "stuck":
      return tip.problem?.kind === "sign-in"
        ? say("存在手机上：登录后接着发")
        : say("存在手机上：没发成，点开看原因");
    case "waiting":
      return say("存在手机上，等信号");
    case "sending":
      return say("正在发 {percent}%", { percent: percentSent(tip) });
    case "received":
      return tip.status?.text ?? say("已收到，编号 {number}", { number: tip.number });
    default:
      return tip.status?.text ?? say("已答复");
  }
}

/** The way to sign in, and why to. @param {string} why */
export function signInAgain(why) {
  return el("p", { class: "note" }, why, " ", el("a", { href: "/sign-in" }, say("去登录")));
}

function nothing() {
  return el("li", { class: "card" }, say("还没有举报。看到问题，回首页拍一张就行。"));
}
