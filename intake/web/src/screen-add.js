// What a rider adds to a tip that was received: words, photos, or both. It lies in the
// outbox like a tip, so that it is as safe without a network, and is brushed over alike.

import { el, heading, icon } from "./dom.js";
import { overLimits } from "./draft.js";
import { addPhotos, allTips, changeTip, emptyTip, findTip } from "./outbox.js";
import { backTo, go, goInstead, show } from "./pages.js";
import { photoStrip } from "./photo-strip.js";
import { hurry } from "./sending.js";
import { shownTips } from "./session.js";
import { say } from "./words.js";

/** @typedef {import("./types.d.ts").Tip} Tip */

/**
 * @param {string[]} rest the tip that is added to
 * @returns {Promise<import("./pages.js").Screen | null>}
 */
export async function addScreen([id = ""]) {
  const parent = (await shownTips()).find((tip) => tip.id === id);
  if (!parent?.number) {
    goInstead("mine");
    return null;
  }
  const addition = await additionTo(parent);
  const note = el("p", { class: "note", role: "status" });
  const text = el(
    "textarea",
    {
      id: "addition",
      rows: "4",
      maxlength: "2000",
      oninput: () => write(addition, text.value),
    },
    addition.description,
  );
  const nodes = [
    backTo(`tip/${id}`, say("回去")),
    heading(say("补充照片或说明")),
    el("label", { for: "addition" }, say("想补充的情况（有照片可不写）")),
    text,
    ...(addition.photos.length ? [await photoStrip(addition)] : []),
    el(
      "label",
      { class: "album" },
      photoInput(addition, note),
      icon("camera"),
      el("span", {}, say("加照片")),
    ),
    el("p", { class: "note" }, say("原来那条不会改，补充会和它一起看。")),
    note,
    el("div", { class: "send" }, sendButton(addition, parent, text, note)),
  ];
  return { title: say("补充照片或说明"), nodes };
}

/**
 * The addition that was begun to a tip, or a new one that lies nowhere yet.
 * @param {Tip} parent
 * @returns {Promise<Tip>}
 */
async function additionTo(parent) {
  const begun = (await allTips()).find(
    ({ state, adds_to }) => state === "draft" && adds_to?.tip_id === parent.id,
  );
  if (begun) return begun;
  const { id: tip_id, number, receipt_code } = parent;
  return {
    ...emptyTip(),
    adds_to: { tip_id, number, receipt_code },
    as: parent.as,
    account: parent.account,
    categories: parent.categories,
    premises_name: parent.premises_name,
  };
}

let writing = Promise.resolve();

/**
 * Keep what was written, in the order in which it was.
 * @param {Tip} addition
 * @param {string} words
 */
function write(addition, words) {
  writing = writing.then(async () => {
    if (!(await findTip(addition.id))) await addPhotos(addition, []);
    await changeTip(addition.id, (found) => {
      found.description = words.trim();
    });
  });
  return writing;
}

/**
 * @param {Tip} addition
 * @param {HTMLElement} note
 */
function photoInput(addition, note) {
  const input = el("input", {
    type: "file",
    class: "file",
    id: "addition-photos",
    accept: "image/*",
    multiple: true,
    onchange: async () => {
      const files = [...(input.files ?? [])];
      input.value = "";
      if (!files.length) return;
      note.textContent = say("正在存到手机里…");
      await writing;
      const present = (await findTip(addition.id)) ?? addition;
      const { kept, left_out } = overLimits(present, files);
      if (kept.length) await addPhotos(present, kept);
      if (left_out) note.textContent = left_out;
      else await show();
    },
  });
  return input;
}

/**
 * @param {Tip} addition
 * @param {Tip} parent
 * @param {HTMLTextAreaElement} text
 * @param {HTMLElement} note
 */
function sendButton(addition, parent, text, note) {
  const button = el(
    "button",
    {
      type: "button",
      id: "send",
      onclick: async () => {
        await write(addition, text.value);
        const present = await findTip(addition.id);
        if (!present?.photos.length && !present?.description) {
          note.textContent = say("请写几句，或加一张照片。");
          text.focus();
          return;
        }
        button.disabled = true;
        await changeTip(addition.id, (found) => {
          found.state = "waiting";
          found.created_at_ms = Date.now();
          // Whoever has signed in since may be another; what was nobody's stays nobody's.
          found.as = parent.as;
        });
        navigator.vibrate?.(80);
        goInstead(`tip/${addition.id}`);
        void hurry();
      },
    },
    icon("send"),
    say("发送补充"),
  );
  return button;
}

/** The way to this screen. @param {Tip} tip */
export function addButton(tip) {
  return el(
    "button",
    { type: "button", class: "quiet", "data-adds": "", onclick: () => go(`add/${tip.id}`) },
    icon("album"),
    say("补充照片或说明"),
  );
}
