// The rider's app: takes the place of the plain form where the browser can run it.

import { onChange } from "./changes.js";
import { el, icon, bringIcons } from "./dom.js";
import { settlePlaces } from "./late-place.js";
import { limitPhotos, notePlace } from "./draft.js";
import { readCategories } from "./likely.js";
import { refresh, show, showPages } from "./pages.js";
import { bringShops } from "./nearby-shops.js";
import { bestPlace, onPlace, stopWatching, watchPlace } from "./place.js";
import { bringPoints } from "./points.js";
import { addScreen } from "./screen-add.js";
import { codeScreen } from "./screen-code.js";
import { coverScreen } from "./screen-cover.js";
import { mapLiesAt, mapScreen } from "./screen-map.js";
import { mineScreen } from "./screen-mine.js";
import { pointsScreen } from "./screen-points.js";
import { sendScreen, shopScreen } from "./screen-send.js";
import { shutterScreen } from "./screen-shutter.js";
import { stationsScreen } from "./screen-stations.js";
import { tipScreen } from "./screen-tip.js";
import { taskScreen, visitsScreen } from "./screen-visits.js";
import { whatScreen } from "./screen-what.js";
import { whereScreen } from "./screen-where.js";
import { wordsScreen } from "./screen-words.js";
import { clearProblems } from "./sender.js";
import { hurry, keepSending } from "./sending.js";
import { bringConsent, mayUsePlace, readTerms } from "./consent.js";
import { refreshSession } from "./session.js";
import { refreshCampaigns } from "./visits.js";
import { chooseLanguage, currentLanguage, findLanguage, say } from "./words.js";

const SCREENS = {
  "": shutterScreen,
  what: whatScreen,
  send: sendScreen,
  where: whereScreen,
  map: mapScreen,
  shop: shopScreen,
  cover: coverScreen,
  words: wordsScreen,
  mine: mineScreen,
  tip: tipScreen,
  code: codeScreen,
  add: addScreen,
  stations: stationsScreen,
  visits: visitsScreen,
  task: taskScreen,
  points: pointsScreen,
};

const root = document.getElementById("app");
if (root) void begin(root);

/** @param {HTMLElement} root */
async function begin(root) {
  const { categories = "[]", maxPhotos, icons = "", terms = "{}", worker } = root.dataset;
  void bringIcons(icons);
  mapLiesAt(root.dataset);
  readCategories(categories);
  readTerms(terms);
  limitPhotos(Number(maxPhotos));
  findLanguage();
  const main = el("main", { id: "main" });
  const frame = el("div", { id: "frame" });
  const draw = () => {
    frame.replaceChildren(top(), main, bottom(draw));
  };
  draw();
  onChange(() => void refresh());
  onPlace(() => {
    void refresh();
    void settlePlaces();
    void notePlace();
    void bringShops(bestPlace());
  });
  if (await mayUsePlace()) watchPlace();
  await showPages(main, SCREENS, () => {
    document.body.className = "";
    document.body.replaceChildren(frame);
  });
  // A watch that runs on behind other apps empties the battery.
  document.addEventListener("visibilitychange", async () => {
    if (document.visibilityState === "hidden") stopWatching();
    else if (await mayUsePlace()) watchPlace();
  });
  if (worker) void registerWorker(worker);
  void navigator.storage?.persist?.().catch(() => false);
  keepSending();
  await settlePlaces();
  const couldUsePlace = await mayUsePlace();
  const isRider = await refreshSession();
  if (couldUsePlace && !(await mayUsePlace())) {
    // Another rider has the phone now and is asked for their own consent.
    stopWatching();
    await show();
  }
  if (isRider) {
    await bringConsent();
    void refreshCampaigns();
    // A page that asked by itself may have been answered before it was known who asks.
    void bringPoints().then(() => refresh());
    await clearProblems("sign-in");
    await hurry();
  }
}

/** @param {string} address */
async function registerWorker(address) {
  try {
    await navigator.serviceWorker?.register(address, { scope: "/" });
  } catch {
    // A messenger's web view has none: the page sends while it is open.
  }
}

function top() {
  return el(
    "header",
    {},
    el(
      "div",
      { class: "top" },
      el("a", { class: "brand", href: "#" }, icon("camera"), say("随手拍")),
      el(
        "nav",
        { "aria-label": say("页面") },
        el("a", { href: "#mine" }, icon("list"), say("我的举报")),
      ),
    ),
    el(
      "p",
      { class: "shield" },
      icon("shield"),
      el("span", {}, say("商家永远不会知道是谁举报的。")),
    ),
  );
}

/** @param {() => void} draw */
function bottom(draw) {
  const other = currentLanguage() === "en" ? "zh" : "en";
  return el(
    "footer",
    { class: "bottom" },
    el("p", {}, el("a", { class: "way", href: "#stations" }, say("驿站：歇脚、充电、用积分换东西"))),
    el(
      "p",
      { class: "languages" },
      el(
        "button",
        {
          type: "button",
          class: "plain-link",
          lang: other === "en" ? "en" : "zh-CN",
          onclick: () => {
            chooseLanguage(other);
            // The pages that the server makes follow, once there is a network.
            void fetch(`/language/${other}`, { redirect: "manual" }).catch(() => {});
            draw();
            void show();
          },
        },
        other === "en" ? "English" : "中文",
      ),
    ),
  );
}
