// What the hazard is: pictures with words, the most likely first.

import { currentLanguage, say } from "./words.js";
import { changeDraft, draft } from "./draft.js";
import { el, heading, icon } from "./dom.js";
import { likelyFirst } from "./likely.js";
import { backTo, go } from "./pages.js";

// What stands before «more»: four rows of two.
const FIRST = 8;

/** @returns {Promise<import("./pages.js").Screen | null>} */
export async function whatScreen() {
  const tip = await draft();
  if (!tip.photos.length) {
    go("");
    return null;
  }
  const several = tip.categories.length > 0;
  const ordered = await likelyFirst();
  const buttons = ordered.map((category) => choice(category, tip.categories, several));
  const rest = el("div", { class: "choices", hidden: true }, ...buttons.slice(FIRST));
  const more = el(
    "button",
    {
      type: "button",
      class: "quiet",
      "aria-expanded": "false",
      onclick: () => {
        rest.hidden = false;
        more.remove();
        rest.querySelector("button")?.focus();
      },
    },
    say("更多隐患"),
  );
  const nodes = [
    backTo("", say("照片")),
    heading(several ? say("还有什么问题？") : say("发现了什么？")),
    el("p", { class: "note" }, say("点一下就行，下一步还能再加。")),
    el("div", { class: "choices" }, ...buttons.slice(0, FIRST)),
    rest,
    more,
    ...(several ? [done()] : []),
  ];
  return { title: say("发现了什么？"), nodes };
}

/**
 * @param {{code: string, zh: string, en: string}} category
 * @param {string[]} chosen
 * @param {boolean} several
 */
function choice(category, chosen, several) {
  const button = el(
    "button",
    {
      type: "button",
      class: "choice",
      "data-code": category.code,
      "aria-pressed": String(chosen.includes(category.code)),
      onclick: async () => {
        const tip = await changeDraft((found) => {
          found.categories = found.categories.includes(category.code)
            ? found.categories.filter((code) => code !== category.code)
            : [...found.categories, category.code];
        });
        button.setAttribute("aria-pressed", String(tip.categories.includes(category.code)));
        if (!several) go("send");
      },
    },
    icon(category.code),
    el("span", {}, currentLanguage() === "en" ? category.en : category.zh),
  );
  return button;
}

function done() {
  return el(
    "div",
    { class: "send" },
    el("button", { type: "button", onclick: () => go("send") }, say("好了")),
  );
}
