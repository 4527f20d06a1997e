// Stations near by: what they offer, when they are open, what can be had for points there.

import { consentWords, decide, hasDecided, mayUsePlace } from "./consent.js";
import { el, heading, icon } from "./dom.js";
import { loadMap } from "./screen-map.js";
import { backTo, show } from "./pages.js";
import { bestPlace, watchPlace } from "./place.js";
import { bringStations, inOrder, keptStations, openAt } from "./stations.js";
import { say, sayMoment } from "./words.js";

/** @typedef {import("./stations.js").Kept} Kept */
/** @typedef {import("./stations.js").Station} Station */

/** @type {Record<string, () => string>} */
const SERVICES = {
  rest: () => say("歇脚"),
  water: () => say("饮水"),
  charging: () => say("手机充电"),
  bike: () => say("电动车充换电"),
  meals: () => say("热饭、微波炉"),
  toilet: () => say("卫生间"),
  medicine: () => say("急救药箱"),
};
// What is asked for alone: a service, or "points" for anything that points buy.
let wanted = "";

/** @returns {Promise<import("./pages.js").Screen>} */
export async function stationsScreen() {
  const mayLook = await mayUsePlace();
  const note = el("p", { class: "note", role: "status" });
  const list = el("div", { class: "stations" });
  let kept = await keptStations();
  /** @type {"asking" | "fresh" | "away"} */
  let asked = "asking";
  let drawn = "";
  const refresh = () => {
    const place = mayLook ? bestPlace() : null;
    // Redrawn only when it reads otherwise: what somebody is reading must not jump.
    const near = place ? `${place.latitude.toFixed(3)},${place.longitude.toFixed(3)}` : "";
    const now = `${kept?.as_of_ms} ${asked} ${near} ${wanted}`;
    if (now === drawn) return;
    drawn = now;
    note.textContent = sayAge(kept, asked);
    press(buttons, kept);
    list.replaceChildren(...cards(kept, place));
  };
  const buttons = filters(() => refresh());
  const choices = el("div", { class: "filters", role: "group", "aria-label": say("只看有…的") }, ...buttons);
  refresh();
  void bringStations().then((found) => {
    kept = found ?? kept;
    asked = found ? "fresh" : "away";
    refresh();
  });
  const ground = el("div", { id: "map", hidden: true, role: "application", "aria-label": say("驿站地图") });
  /** @type {{remove(): unknown} | undefined} */
  let map;
  const mapButton = el(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: () => {
        ground.hidden = false;
        loadMap().then(
          () => {
            mapButton.hidden = true;
            map ??= globalThis.drawStations?.(ground, {
              place: mayLook ? bestPlace() : null,
              stations: kept?.stations ?? [],
              chosen: (id) => document.getElementById(`station-${id}`)?.focus(),
            });
          },
          () => {
            ground.hidden = true;
            note.textContent = say("地图还没下载到手机里：有信号时再打开。名单照样能看。");
          },
        );
      },
    },
    icon("place"),
    say("看地图"),
  );
  const nodes = [
    backTo("", say("拍照举报")),
    heading(say("驿站")),
    note,
    ...(await placeQuestion()),
    mapButton,
    ground,
    choices,
    list,
    el("a", { class: "button", href: "/points/mall" }, say("用积分兑换")),
  ];
  return { title: say("驿站"), nodes, refresh, leave: () => map?.remove() };
}

/**
 * @param {Kept | null} kept
 * @param {"asking" | "fresh" | "away"} asked
 */
function sayAge(kept, asked) {
  if (!kept) {
    return asked === "asking"
      ? say("正在取驿站名单…")
      : say("手机里还没有驿站名单：有信号时打开一次，以后没信号也能看。");
  }
  const moment = sayMoment(kept.as_of_ms);
  if (asked === "away") return say("没有信号，这是 {moment} 的名单。", { moment });
  return say("{moment} 的名单。", { moment });
}

/** Whoever has not decided is asked here too; nobody has to agree to see the list. */
async function placeQuestion() {
  if (await hasDecided()) {
    if (await mayUsePlace()) return [];
    return [el("p", { class: "note" }, say("您没有同意使用位置，所以按区域排。"))];
  }
  const { title, paragraphs } = consentWords();
  const card = el("section", { class: "card" });
  /** @param {"yes" | "no"} answer */
  const answered = async (answer) => {
    if (answer === "yes") watchPlace();
    await decide(answer);
    await show();
  };
  card.append(
    el("h2", {}, title),
    el("p", {}, say("按远近排驿站时，位置只在这部手机里用，不传出去。")),
    el("details", {}, el("summary", {}, say("保存多久、怎么收回")), ...paragraphs.map((each) => el("p", {}, each))),
    el(
      "div",
      { class: "pair" },
      el("button", { type: "button", onclick: () => answered("yes") }, say("同意")),
      el("button", { type: "button", class: "quiet", onclick: () => answered("no") }, say("不同意")),
    ),
  );
  return [card];
}

/** A button for each thing that may be asked for alone. @param {() => void} refresh */
function filters(refresh) {
  return Object.entries({ ...SERVICES, points: () => say("可用积分换") }).map(([code, words]) => {
    const choose = () => {
      wanted = wanted === code ? "" : code;
      refresh();
    };
    return el("button", { type: "button", class: "filter", value: code, onclick: choose }, words());
  });
}

/**
 * Press the button that is chosen, and show only what some station has.
 * @param {HTMLButtonElement[]} buttons
 * @param {Kept | null} kept
 */
function press(buttons, kept) {
  const offered = new Set(kept?.stations.flatMap(({ services }) => services));
  if (kept?.stations.some(({ offers }) => offers.length)) offered.add("points");
  for (const button of buttons) {
    button.hidden = !offered.has(button.value);
    button.setAttribute("aria-pressed", String(button.value === wanted));
  }
}

/**
 * @param {Kept | null} kept
 * @param {import("./types.d.ts").Place | null} place
 */
function cards(kept, place) {
  const fits = (kept?.stations ?? []).filter(
    ({ services, offers }) =>
      !wanted || (wanted === "points" ? offers.length > 0 : services.includes(wanted)),
  );
  if (kept && !fits.length) return [el("p", { class: "card" }, say("没有这样的驿站。"))];
  /** @type {HTMLElement[]} */
  const found = [];
  let area = "";
  for (const { station, off_m } of inOrder(fits, place)) {
    if (!place && station.area !== area) {
      area = station.area;
      found.push(el("h2", {}, area || say("其他")));
    }
    found.push(card(station, off_m, place ? "h2" : "h3"));
  }
  return found;
}

/**
 * @param {Station} station
 * @param {number | null} off_m
 * @param {"h2" | "h3"} level
 */
function card(station, off_m, level) {
  const { id, name, place, services, note, offers, hours } = station;
  return el(
    "section",
    { class: "card station", id: `station-${id}`, tabindex: "-1" },
    el(level, {}, name),
    el("p", {}, off_m !== null && el("b", {}, sayDistance(off_m)), off_m !== null && " · ", place),
    opening(hours),
    services.length > 0 &&
      el("ul", { class: "services" }, ...services.map((code) => el("li", {}, SERVICES[code]?.() ?? code))),
    offers.length > 0 &&
      el(
        "ul",
        { class: "offers" },
        ...offers.map((offer) =>
          el(
            "li",
            {},
            offer.title,
            " · ",
            el("b", {}, say("{points} 分", { points: offer.points })),
            offer.is_sold_out && el("span", { class: "note" }, ` ${say("已兑完")}`),
          ),
        ),
      ),
    note && el("p", { class: "note" }, note),
  );
}

/** @param {import("./stations.js").Day[]} hours */
function opening(hours) {
  const { state, until, from, always } = openAt(hours, new Date());
  if (state === "unknown") return null;
  if (always) return el("p", {}, icon("received"), say("全天开放"));
  if (state === "open") return el("p", {}, icon("received"), say("正在开放，到 {until}", { until: until ?? "" }));
  return el("p", {}, icon("no-entry"), from ? say("还没开门，{from} 开", { from }) : say("今天不开放了"));
}

/** @param {number} off_m */
function sayDistance(off_m) {
  if (off_m < 1000) return say("{metres} 米", { metres: Math.max(10, Math.round(off_m / 10) * 10) });
  return say("{km} 公里", { km: (off_m / 1000).toFixed(off_m < 10_000 ? 1 : 0) });
}
