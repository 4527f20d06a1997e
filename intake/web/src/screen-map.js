// The map on which the place is put right.

import { changeDraft, draft } from "./draft.js";
import { el, heading, icon } from "./dom.js";
import { backTo, go } from "./pages.js";
import { bestPlace } from "./place.js";
import { say } from "./words.js";

let script = "";
let style = "";

/** @param {{mapScript?: string, mapStyle?: string}} addresses */
export function mapLiesAt({ mapScript = "", mapStyle = "" }) {
  script = mapScript;
  style = mapStyle;
}

/** @returns {Promise<import("./pages.js").Screen>} */
export async function mapScreen() {
  const tip = await draft();
  const ground = el("div", { id: "map", role: "application", "aria-label": say("地图：拖动红针") });
  const note = el("p", { class: "note", role: "status" }, say("正在打开地图…"));
  /** @type {{remove(): unknown} | undefined} */
  let map;
  void loadMap().then(
    () => {
      note.textContent = say("把红针拖到店门口，或直接点一下地图。");
      map = globalThis.drawPinMap?.(ground, {
        place: bestPlace(),
        pin: tip.pin,
        words: say("店在这里"),
        moved: (pin) => {
          note.textContent = say("记下了：店在红针这里。");
          void changeDraft((found) => {
            found.pin = pin;
          });
        },
      });
    },
    () => {
      note.textContent = say("地图还没下载到手机里：有信号时再打开，或写店铺地址。");
    },
  );
  const forget = el(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: async () => {
        await changeDraft((found) => {
          found.pin = null;
        });
        go("where");
      },
    },
    icon("cross"),
    say("不用红针，用手机定位"),
  );
  const nodes = [
    backTo("where", say("回去")),
    heading(say("在地图上指出来")),
    note,
    ground,
    el("p", {}),
    el("button", { type: "button", onclick: () => go("where") }, say("好了")),
    ...(tip.pin ? [forget] : []),
  ];
  return { title: say("在地图上指出来"), nodes, leave: () => map?.remove() };
}

/** Load the map's own script and style once; rejects without a network. */
export function loadMap() {
  if (globalThis.drawPinMap) return Promise.resolve();
  return Promise.all([
    loaded(el("link", { rel: "stylesheet", href: style })),
    loaded(el("script", { src: script })),
  ]);
}

/** @param {HTMLElement} element */
function loaded(element) {
  return new Promise((resolve, reject) => {
    element.addEventListener("load", resolve);
    element.addEventListener("error", reject);
    document.head.append(element);
  });
}
