// Campaigns: what the rider was asked to, which shops can be taken, and what came of each.

import { el, heading, icon } from "./dom.js";
import { backTo, go, goInstead } from "./pages.js";
import { bestPlace, watchPlace } from "./place.js";
import { signInAgain } from "./screen-mine.js";
import { hasBeenSignedIn, isSignedIn } from "./session.js";
import {
  couldNotVisit,
  foundNothing,
  handBack,
  keptCampaigns,
  keptVisit,
  refreshCampaigns,
  reply,
  reportFrom,
  take,
} from "./visits.js";
import { wakeMeButton } from "./wake-button.js";
import { say, sayDay } from "./words.js";

/** @typedef {import("./types.d.ts").Campaign} Campaign */
/** @typedef {import("./types.d.ts").Visit} Visit */

/** What the page says of a refusal, or of no network. */
const note = el("p", { class: "note", role: "status" });
let asked = false;

/** @returns {Promise<import("./pages.js").Screen>} */
export async function visitsScreen() {
  note.textContent = "";
  const list = el("div", {});
  const refresh = async () => {
    const campaigns = await keptCampaigns();
    list.replaceChildren(...(campaigns.length ? campaigns.map(card) : [nothing()]));
  };
  await refresh();
  if (!asked) {
    asked = true;
    void refreshCampaigns().finally(() => {
      asked = false;
    });
  }
  const nodes = [
    backTo("mine", say("我的举报")),
    heading(say("走访活动")),
    el(
      "p",
      { class: "shield" },
      icon("shield"),
      el("span", {}, say("请您来的单位只看得到店有没有人去过，看不到是谁。您的举报照常保密。")),
    ),
    note,
    list,
    ...((await isSignedIn()) ? await wakeMeButton() : []),
    ...((await hasBeenSignedIn()) ? [signInAgain(say("登录后，能看到请您参加的活动。"))] : []),
  ];
  return { title: say("走访活动"), nodes, refresh };
}

/** The way in from a page of the server: the task's shop is put into the draft. */
export async function taskScreen(/** @type {string[]} */ [id]) {
  if (!(await keptVisit(id))) await refreshCampaigns();
  const visit = await keptVisit(id);
  if (visit) await reportFrom(visit);
  goInstead(visit ? "" : "visits");
  return null;
}

/** @param {Campaign} campaign */
function card(campaign) {
  const mine = campaign.tasks.filter((visit) => visit.mine);
  const open = campaign.tasks.filter((visit) => !visit.mine);
  return el(
    "section",
    { class: "card" },
    el("h2", {}, campaign.name),
    el("p", { class: "note" }, campaign.unit, el("br"), `${sayDay(campaign.starts_on)}—${sayDay(campaign.ends_on)}`),
    campaign.purpose ? el("p", {}, campaign.purpose) : null,
    ...standing(campaign),
    mine.length ? el("h3", {}, say("我的任务")) : null,
    el("ul", { class: "list" }, ...mine.map((visit) => own(campaign, visit))),
    open.length ? el("h3", {}, say("可以领的店")) : null,
    el(
      "ul",
      { class: "list" },
      ...open.map((visit) => el("li", {}, shop(visit), button(say("我去"), () => take(visit)))),
    ),
    campaign.accepted && !campaign.over
      ? button(say("退出这次活动"), () => reply(campaign, false), "quiet")
      : null,
  );
}

/** Where the rider stands with a campaign, and what they may answer. @param {Campaign} campaign */
function standing(campaign) {
  if (campaign.over) return [el("p", {}, el("b", {}, say("活动已经结束。")))];
  const join = () => reply(campaign, true);
  const leave = () => reply(campaign, false);
  if (campaign.accepted === null) {
    return [
      el("p", {}, say("请您参加。同意以后才看得到要走访的店；任何时候都可以退出。")),
      el("div", { class: "pair" }, button(say("参加"), join), button(say("不参加"), leave, "quiet")),
    ];
  }
  if (!campaign.accepted) {
    return [el("p", {}, say("您没有参加。")), button(say("改为参加"), join, "quiet")];
  }
  return campaign.waits_for_others
    ? [el("p", {}, say("您已参加，正在等其他监督员：人够了才开放，这样没人能猜出谁去了哪家。"))]
    : [];
}

/** @param {Campaign} campaign @param {Visit} visit */
function own(campaign, visit) {
  if (visit.state !== "taken" || campaign.over) {
    const unsure = visit.state === "clean" && !visit.at_the_shop;
    return el(
      "li",
      {},
      shop(visit),
      el("p", { class: "note" }, visit.text),
      unsure ? el("p", { class: "note" }, say("没能确认手机到过那里，这次不记分。")) : null,
    );
  }
  const withPlace = el("input", { type: "checkbox", onchange: () => withPlace.checked && watchPlace() });
  return el(
    "li",
    {},
    shop(visit),
    el(
      "button",
      {
        type: "button",
        onclick: async () => {
          await reportFrom(visit);
          go("");
        },
      },
      icon("camera"),
      say("发现问题，去举报"),
    ),
    el(
      "label",
      { class: "choice-line" },
      withPlace,
      el("span", {}, say("用手机位置确认我到了那里：只比对，不保存；不勾就不记分")),
    ),
    button(say("去过了，没发现问题"), () => confirmed(visit, withPlace.checked), "quiet"),
    el(
      "details",
      {},
      el("summary", {}, say("没能走访，或者不想去了")),
      ...obstacles().map(([code, words]) =>
        button(words, () => couldNotVisit(visit, code), "quiet"),
      ),
      button(say("退回，让别人去"), () => handBack(visit), "quiet"),
    ),
  );
}

/** @param {Visit} visit @param {boolean} withPlace */
async function confirmed(visit, withPlace) {
  if (withPlace && !bestPlace()) {
    note.textContent = say("还没有定位：等几秒再点一次，或者不勾定位。");
    return;
  }
  await foundNothing(visit, withPlace);
}

/** @returns {Array<[string, string]>} */
function obstacles() {
  return [
    ["closed", say("没有开门")],
    ["gone", say("已搬走或不再经营")],
    ["not_found", say("按地址找不到")],
    ["unsafe", say("去了不安全")],
    ["other", say("其他原因")],
  ];
}

/** @param {Visit} visit */
function shop(visit) {
  return el(
    "p",
    {},
    el("b", {}, visit.name || say("这一带（不指定店铺）")),
    visit.address ? el("br") : null,
    visit.address ? el("span", { class: "note" }, visit.address) : null,
  );
}

/**
 * A button that asks the server and says what it answers.
 * @param {string} words
 * @param {() => Promise<void>} work
 * @param {string} [kind]
 */
function button(words, work, kind = "") {
  const made = el(
    "button",
    {
      type: "button",
      class: kind,
      onclick: async () => {
        made.disabled = true;
        note.textContent = "";
        try {
          await work();
        } catch (error) {
          const failure = /** @type {import("./asking.js").SendingFailed} */ (error);
          note.textContent = failure.detail || say("现在没有信号，有信号再点。");
          await refreshCampaigns();
        } finally {
          made.disabled = false;
        }
      },
    },
    words,
  );
  return made;
}

function nothing() {
  return el("p", { class: "card" }, say("现在没有请您参加的活动。活动只邀请食品安全监督员。"));
}
