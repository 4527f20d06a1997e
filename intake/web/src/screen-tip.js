// One tip: safe on this phone, on its way, received, answered; and what keeps it back.

import { el, heading, icon } from "./dom.js";
import { clockOffset } from "./clock.js";
import { allTips, changeTip, findTip, removeTip, saveHeld } from "./outbox.js";
import { giveAddress } from "./late-place.js";
import { backTo, go, goInstead } from "./pages.js";
import { receipt } from "./receipt.js";
import { addButton } from "./screen-add.js";
import { badge, shapeOf } from "./screen-mine.js";
import { clearProblems, percentSent } from "./sender.js";
import { hurry } from "./sending.js";
import { shownTips } from "./session.js";
import { refreshStatuses } from "./statuses.js";
import { wakeButton } from "./wake-button.js";
import { say, sayClock, sayDay } from "./words.js";

/** @typedef {import("./types.d.ts").Tip} Tip */

/**
 * @param {string[]} rest
 * @returns {Promise<import("./pages.js").Screen | null>}
 */
export async function tipScreen([id]) {
  const first = (await shownTips()).find((tip) => tip.id === id);
  if (!first) {
    go("mine");
    return null;
  }
  const title = heading("");
  const mark = el("p", { class: "badge" });
  const words = el("p", { role: "status", id: "state-words" });
  const more = el("div", {});
  let drawn = "";
  const refresh = async () => {
    const tip = await findTip(id);
    if (!tip) {
      // An addition that has arrived is part of its tip.
      if (first.adds_to) goInstead(`tip/${first.adds_to.tip_id}`);
      return;
    }
    mark.replaceChildren(badge(tip));
    mark.className = `badge ${shapeOf(tip)}`;
    const said = headline(tip);
    if (title.textContent !== said) title.textContent = said;
    const line = explanation(tip);
    if (words.textContent !== line) words.textContent = line;
    const { additions, problem, status, unsaved } = tip;
    const state = [shapeOf(tip), unsaved, problem?.code, status?.text, additions].join();
    if (state === drawn) return;
    drawn = state;
    more.replaceChildren(...(await details(tip)));
  };
  await refresh();
  if (first.state === "received" || first.state === "answered") void refreshStatuses();
  const nodes = [
    backTo("mine", say("我的举报")),
    el("div", { class: "card" }, mark, title, words, more),
    el("p", {}, el("a", { class: "button", href: "#" }, icon("camera"), say("再报一条"))),
  ];
  return { title: say("我的举报"), nodes, refresh };
}

/** @param {Tip} tip */
function headline(tip) {
  switch (shapeOf(tip)) {
    case "stuck":
      return say("还在这部手机上，没有丢");
    case "waiting":
    case "sending":
      if (tip.unsaved) return say("还没存进手机");
      return tip.adds_to ? say("补充已存在这部手机上") : say("已存在这部手机上");
    default:
      return tip.status?.text ?? say("已收到，谢谢您。");
  }
}

/** @param {Tip} tip */
function explanation(tip) {
  if (tip.problem) return tip.problem.detail || sayProblem(tip.problem.code);
  if (tip.unsaved) return say("手机存满了：发完之前请不要关掉这个页面，或腾出空间再存一次。");
  switch (tip.state) {
    case "waiting":
      if (tip.awaits_place) return say("正在定位，有了位置就发：请先别锁屏。");
      return canSendAlone()
        ? say("不用等：有信号就会自动发出去，可以锁屏走了。")
        : say("不用等，锁屏也不会丢；有信号时打开这个页面就会接着发。");
    case "sending":
      return say("正在发 {percent}%：断了也不要紧，会从断的地方接着发。", {
        percent: percentSent(tip),
      });
    case "received":
      return tip.status?.due_on
        ? say("最迟 {day} 核查完毕。", { day: sayDay(tip.status.due_on) })
        : say("谢谢您。照片已从这部手机的待发箱里删掉。");
    default:
      return say("谢谢您。");
  }
}

/** @param {string} code */
function sayProblem(code) {
  if (code === "place-missing") return say("手机没有定到位：写上店铺地址就能发出去。");
  if (code === "other-account") return say("这条是另一个号码登录时写的：请用那个号码登录，会接着发。");
  if (code === "photo-lost") return say("有一张照片被手机清掉了：请去掉这条，重拍一次。");
  return say("服务器没有收下，稍后可以再试。");
}

/** @param {Tip} tip */
async function details(tip) {
  const parts = [];
  if (tip.unsaved) parts.push(saveAgain(tip));
  if (tip.problem?.kind === "sign-in") {
    parts.push(el("a", { class: "button", href: "/sign-in" }, say("去登录")));
    parts.push(tip.may_have_arrived ? whyNotAsNobody() : asNobody(tip));
  }
  if (tip.problem?.kind === "place") parts.push(...addressForm(tip));
  if (tip.problem?.kind === "refused") parts.push(...refusedActions(tip));
  if (tip.state === "waiting" && !tip.problem) parts.push(nowButton());
  if (tip.number) {
    if (tip.additions) {
      const words = say("补充已收到，会和原来的举报一起看。");
      parts.push(el("p", { class: "note", role: "status" }, words));
    }
    parts.push(...(await receipt(tip)));
    if (tip.status?.can_add !== false) parts.push(addButton(tip));
    parts.push(furtherOn(tip), ...(await wakeButton(tip)));
    parts.push(...forgetButton(tip));
  }
  const offset_s = await clockOffset();
  if (offset_s) parts.push(el("p", { class: "note" }, sayClock(offset_s)));
  return parts;
}

function nowButton() {
  return el(
    "button",
    { type: "button", class: "quiet", onclick: () => void hurry() },
    icon("send"),
    say("现在就试一次"),
  );
}

/**
 * Whoever lends their phone may not want it to tell: two taps take the tip off it.
 * @param {Tip} tip
 */
function forgetButton(tip) {
  let sure = false;
  const words = el("span", {}, say("从这部手机上抹掉"));
  const warning = el("p", { class: "note", role: "status" });
  const button = el(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: async () => {
        if (sure) {
          await removeBegunTo(tip);
          await removeTip(tip.id);
          go("mine");
          return;
        }
        sure = true;
        words.textContent = say("再点一次就抹掉");
        warning.textContent = say("举报照常办理；回执码在这里不会再显示，要留请先抄下。");
      },
    },
    icon("cross"),
    words,
  );
  return [button, warning];
}

/** What was begun to be added goes with it; what is on its way still goes out. @param {Tip} tip */
async function removeBegunTo(tip) {
  for (const { id, state, adds_to } of await allTips()) {
    if (state === "draft" && adds_to?.tip_id === tip.id) await removeTip(id);
  }
}

/**
 * The page on which one reads the whole course, adds something or takes the tip back.
 * @param {Tip} tip
 */
function furtherOn(tip) {
  const words = say("看经过或撤回");
  if (tip.as === "rider") {
    return el("a", { class: "button", href: `/me/tips/${tip.number}` }, icon("list"), words);
  }
  return el(
    "form",
    { method: "post", action: "/status" },
    el("input", { type: "hidden", name: "number", value: tip.number }),
    el("input", { type: "hidden", name: "receipt_code", value: tip.receipt_code }),
    el("button", { type: "submit", class: "quiet" }, icon("list"), words),
  );
}

/** @param {Tip} tip */
function addressForm(tip) {
  const address = el("input", { type: "text", id: "late-address", maxlength: "300" });
  const send = el(
    "button",
    {
      type: "button",
      onclick: () => {
        const said = address.value.trim();
        if (said) void giveAddress(tip.id, said);
        else address.focus();
      },
    },
    say("发送"),
  );
  const label = el("label", { for: "late-address" }, say("店铺地址（定位不准时请写）"));
  return [label, address, el("p", {}), send];
}

/** @param {Tip} tip */
function saveAgain(tip) {
  return el(
    "button",
    { type: "button", class: "quiet", onclick: () => void saveHeld(tip.id) },
    say("再存一次"),
  );
}

/**
 * Whoever can't sign in now may give the tip as nobody's: they must say so themselves.
 * @param {Tip} tip
 */
function asNobody(tip) {
  return el(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: async () => {
        await changeTip(tip.id, (found) => {
          found.as = "anonymous";
          found.account = "";
        });
        await clearProblems("sign-in");
        await hurry();
      },
    },
    say("不登录，匿名发出"),
  );
}

function whyNotAsNobody() {
  const words = say("这条可能已经用您的账号发出，再匿名发会变成两条：登录后就知道收到没有。");
  return el("p", { class: "note" }, words);
}

/** @param {Tip} tip */
function refusedActions(tip) {
  return [
    el(
      "button",
      {
        type: "button",
        class: "quiet",
        onclick: async () => {
          await clearProblems("refused");
          await hurry();
        },
      },
      say("现在就试一次"),
    ),
    el(
      "button",
      {
        type: "button",
        class: "quiet",
        onclick: async () => {
          await removeTip(tip.id);
          go("mine");
        },
      },
      say("去掉这条"),
    ),
  ];
}

function canSendAlone() {
  return "serviceWorker" in navigator && "SyncManager" in globalThis;
}
