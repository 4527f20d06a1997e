// The brush: what a finger goes over is hidden in every copy that others get to see. The
// photo itself stays as it was taken; strokes go out beside it.

import { el, heading } from "./dom.js";
import { drawMasked, fittedTo, loadImage } from "./masking.js";
import { changeTip, draftWith, photoBytes } from "./outbox.js";
import { backTo, go, goInstead } from "./pages.js";
import { say } from "./words.js";

/** @typedef {import("./types.d.ts").Stroke} Stroke */

const SHOWN_PIXELS = 1280;
// A face across a kitchen, a line of an order label.
const BRUSH = 0.05;
const STEP = BRUSH / 8;
// What the server takes of one tip; see schemas/masks.py.
const MAX_STROKES = 200;
const MAX_POINTS = 5_000;
const DECIMALS = 1e4;

/**
 * @param {string[]} rest
 * @returns {Promise<import("./pages.js").Screen | null>}
 */
export async function coverScreen([photo_id = ""]) {
  const tip = await draftWith(photo_id);
  const photo = tip?.photos.find(({ id }) => id === photo_id);
  const bytes = photo && (await photoBytes(photo_id));
  if (!tip || !photo || !bytes) {
    goInstead("send");
    return null;
  }
  const back = tip.adds_to ? `add/${tip.adds_to.tip_id}` : "send";
  const title = say("涂掉不该露的");
  const image = await loadImage(bytes);
  const note = el("p", { class: "note", role: "status" });
  if (!image) {
    note.textContent = say("这张照片在这部手机上打不开，涂不了。");
    return { title, nodes: [backTo(back, say("回去")), heading(title), note] };
  }
  note.textContent = say("用手指涂人脸、订单、电话。原件封存不改，别人只看到涂过的。");
  const others = tip.photos.filter(({ id }) => id !== photo_id);
  const board = brushBoard({
    image,
    mask: photo.mask ?? [],
    strokes_left: MAX_STROKES - sum(others.map(({ mask }) => mask?.length ?? 0)),
    points_left: MAX_POINTS - sum(others.map(({ mask }) => pointsOf(mask ?? []))),
    // At once: the phone's own way back must not lose what was hidden.
    changed: (mask) => keep(tip.id, photo_id, mask),
    full: () => {
      note.textContent = say("涂得太多了：撤销几笔再涂。");
    },
  });
  const nodes = [
    heading(title),
    note,
    el("div", { class: "brushing" }, board.canvas),
    el(
      "div",
      { class: "pair" },
      board.undo,
      el("button", { type: "button", id: "covered", onclick: () => go(back) }, say("好了")),
    ),
  ];
  return { title, nodes };
}

/**
 * @param {string} tip_id
 * @param {string} photo_id
 * @param {Stroke[]} mask
 */
async function keep(tip_id, photo_id, mask) {
  await changeTip(tip_id, (tip) => {
    const mine = tip.photos.find(({ id }) => id === photo_id);
    if (mine) mine.mask = mask;
  });
}

/**
 * A canvas on which a finger draws, and the button that takes the last line back.
 * @param {{
 *   image: HTMLImageElement,
 *   mask: Stroke[],
 *   strokes_left: number,
 *   points_left: number,
 *   changed: (mask: Stroke[]) => unknown,
 *   full: () => void,
 * }} what
 */
function brushBoard({ image, mask, strokes_left, points_left, changed, full }) {
  let strokes = mask;
  /** @type {Stroke | null} */
  let drawing = null;
  const canvas = el("canvas", { role: "img", "aria-label": say("照片：用手指涂") });
  fittedTo(canvas, image, SHOWN_PIXELS);
  const undo = el(
    "button",
    { type: "button", class: "quiet", id: "undo", onclick: () => change(strokes.slice(0, -1)) },
    say("撤销"),
  );
  const draw = () => {
    drawMasked(canvas, image, drawing ? [...strokes, drawing] : strokes);
    undo.disabled = !strokes.length;
  };
  /** @param {Stroke[]} next */
  const change = (next) => {
    strokes = next;
    draw();
    void changed(strokes);
  };
  const end = () => {
    if (!drawing) return;
    const done = drawing;
    drawing = null;
    change([...strokes, done]);
  };
  /** @param {PointerEvent} event */
  const begin = (event) => {
    // A second finger or the heel of the hand draws nothing.
    if (drawing || !event.isPrimary) return;
    if (strokes.length >= strokes_left || pointsOf(strokes) >= points_left) return full();
    canvas.setPointerCapture(event.pointerId);
    drawing = { width: BRUSH, points: [pointOf(canvas, event)] };
    draw();
  };
  /** @param {PointerEvent} event */
  const move = (event) => {
    if (!drawing || !event.isPrimary) return;
    const point = pointOf(canvas, event);
    const [x, y] = drawing.points[drawing.points.length - 1];
    if (Math.hypot(point[0] - x, point[1] - y) < STEP) return;
    if (pointsOf(strokes) + drawing.points.length >= points_left) {
      full();
      end();
      return;
    }
    drawing.points.push(point);
    draw();
  };
  canvas.addEventListener("pointerdown", begin);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  draw();
  return { canvas, undo };
}

/**
 * Where a finger is, in fractions of the picture.
 * @param {HTMLCanvasElement} canvas
 * @param {PointerEvent} event
 * @returns {[number, number]}
 */
function pointOf(canvas, event) {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return [fraction((event.clientX - left) / width), fraction((event.clientY - top) / height)];
}

/** @param {number} value */
function fraction(value) {
  return Math.round(Math.min(1, Math.max(0, value)) * DECIMALS) / DECIMALS;
}

/** @param {Stroke[]} mask */
function pointsOf(mask) {
  return sum(mask.map(({ points }) => points.length));
}

/** @param {number[]} numbers */
function sum(numbers) {
  return numbers.reduce((all, one) => all + one, 0);
}
