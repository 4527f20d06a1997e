// The receipt: number and code, as words and as a QR that leads to the status.

import { encode } from "uqr";
import { el } from "./dom.js";
import { say } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {import("./types.d.ts").Tip} tip
 * @returns {Promise<Node[]>}
 */
export async function receipt(tip) {
  const list = el(
    "dl",
    {},
    el("dt", {}, say("编号")),
    el("dd", { class: "code", id: "number" }, tip.number),
    el("dt", {}, say("回执码")),
    el("dd", { class: "code", id: "receipt-code" }, tip.receipt_code),
  );
  const secret = el(
    "p",
    { class: "note" },
    say("凭编号和回执码，在任何手机上都能查进度。别给别人看。"),
  );
  // Behind «#» the code goes to no server and into no log.
  const address = `${location.origin}/#code/${tip.number}/${tip.receipt_code}`;
  return [list, qr(address, say("查进度的二维码")), secret];
}

/**
 * @param {string} text
 * @param {string} words
 */
function qr(text, words) {
  const { data, size } = encode(text, { ecc: "M", border: 4 });
  const dots = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : "")));
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("class", "qr");
  made.setAttribute("viewBox", `0 0 ${size} ${size}`);
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", words);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", dots.join(""));
  made.append(path);
  return made;
}
