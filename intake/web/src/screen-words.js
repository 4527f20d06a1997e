// A few words of the rider's own: typed, or said where the phone itself can write them down.

import { canDictate, listen } from "./dictation.js";
import { el, heading } from "./dom.js";
import { changeDraft, draft } from "./draft.js";
import { backTo, go } from "./pages.js";
import { say } from "./words.js";

const MOST = 2000;

/** @returns {Promise<import("./pages.js").Screen>} */
export async function wordsScreen() {
  const tip = await draft();
  const keep = () =>
    changeDraft((found) => {
      found.description = text.value.trim();
    });
  const text = el(
    "textarea",
    { id: "description", rows: "5", maxlength: String(MOST), oninput: keep },
    tip.description,
  );
  const voice = (await canDictate())
    ? voiceButton((sentence) => {
        text.value = [text.value.trim(), sentence].filter(Boolean).join(" ").slice(0, MOST);
        return keep();
      })
    : null;
  const nodes = [
    backTo("send", say("回去")),
    heading(say("说两句")),
    el("label", { for: "description" }, say("看到了什么（可不写）")),
    text,
    ...(voice?.nodes ?? []),
    el(
      "p",
      { class: "note" },
      voice
        ? say("说的话只在这部手机上变成字，不传给别人。不用写自己是谁。")
        : say("不想打字，可以用键盘上的话筒说。不用写自己是谁。"),
    ),
    el("button", { type: "button", onclick: () => go("send") }, say("好了")),
  ];
  return { title: say("说两句"), nodes, leave: voice?.leave };
}

/** @param {(sentence: string) => unknown} write */
function voiceButton(write) {
  /** @type {ReturnType<typeof listen> | null} */
  let heard = null;
  const told = el("p", { class: "note", role: "status" });
  const button = el("button", { type: "button", class: "quiet", id: "dictate" });
  const show = (words = "") => {
    button.textContent = heard ? say("停下") : say("用嘴说");
    button.setAttribute("aria-pressed", String(Boolean(heard)));
    told.textContent = words;
  };
  button.addEventListener("click", () => {
    if (heard) {
      heard.stop();
      return;
    }
    try {
      heard = listen({
        onText: (sentence) => void write(sentence),
        onEnd: (error) => {
          heard = null;
          show(problem(error));
        },
      });
      show(say("正在听，说完按“停下”。"));
    } catch {
      heard = null;
      show(problem("failed"));
    }
  });
  show();
  return { nodes: [button, told], leave: () => heard?.abort() };
}

/** @param {string} error */
function problem(error) {
  if (error === "" || error === "aborted") return "";
  if (error === "not-allowed") return say("没有允许用话筒：在浏览器设置里打开，或者打字。");
  if (error === "no-speech") return say("没听到声音，再说一次，或者打字。");
  return say("这部手机这会儿听不了，请打字。");
}
