// Two pictures that resemble one another: side by side, one wiped over the other, in
// turn, or only what differs. Ours is first turned to lie as the other does.

// What is not known to be the same picture differs by noise of its own: two JPEGs of one
// picture seldom by more than this, of 255.
const NOISE = 40;
const LONG_EDGE = 960;
const CROPPED = 0.03;

export function openComparer(page) {
  const dialog = page.querySelector("dialog[data-comparer]");
  const buttons = [...page.querySelectorAll("[data-compare]")];
  if (!dialog || buttons.length === 0) {
    return;
  }
  const canvas = dialog.querySelector("canvas");
  const slider = dialog.querySelector("input[type=range]");
  const said = dialog.querySelector("[data-said]");
  let pair = null;
  let opener = null;
  let mode = "beside";
  let isOther = false;

  function draw() {
    if (!pair) {
      return;
    }
    slider.closest("label").hidden = mode !== "wipe";
    for (const button of dialog.querySelectorAll("[data-mode]")) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    }
    said.textContent = DRAWERS[mode](canvas, pair, { share: slider.value / 100, isOther, words: dialog.dataset });
    canvas.setAttribute("aria-label", said.textContent);
  }

  for (const button of buttons) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      opener = button;
      dialog.showModal();
      pair = null;
      const { left, right, turn, leftName, rightName } = button.dataset;
      const [ours, other] = await Promise.all([load(left), load(right)]);
      pair = aligned(ours, other, Number(turn), [leftName, rightName]);
      draw();
    });
  }
  for (const button of dialog.querySelectorAll("[data-mode]")) {
    button.addEventListener("click", () => {
      isOther = button.dataset.mode === "turns" && mode === "turns" ? !isOther : false;
      mode = button.dataset.mode;
      draw();
    });
  }
  slider.addEventListener("input", draw);
  canvas.addEventListener("pointermove", (event) => {
    if (mode === "wipe" && (event.buttons || event.pointerType === "touch")) {
      const frame = canvas.getBoundingClientRect();
      slider.value = Math.round(((event.clientX - frame.left) / frame.width) * 100);
      draw();
    }
  });
  dialog.querySelector("[data-act=close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => opener?.focus());
}

async function load(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

// Both on canvases of one size: the other's frame, ours turned and stretched to it.
function aligned(ours, other, turn, names) {
  const scale = Math.min(1, LONG_EDGE / Math.max(other.naturalWidth, other.naturalHeight));
  const width = Math.round(other.naturalWidth * scale);
  const height = Math.round(other.naturalHeight * scale);
  const turned = turnedTo(ours, turn);
  const apart = Math.abs(Math.log(turned.width / turned.height / (width / height)));
  return { left: drawnOn(turned, width, height), right: drawnOn(other, width, height), width, height, names, isCropped: apart > CROPPED };
}

// 0–3: turned so many quarters counter-clockwise; 4 upside down, 5 left to right, 6 and 7
// over the diagonals (as LookAlike.turn says).
const TURNS = [
  [1, 0, 0, 1],
  [0, -1, 1, 0],
  [-1, 0, 0, -1],
  [0, 1, -1, 0],
  [1, 0, 0, -1],
  [-1, 0, 0, 1],
  [0, 1, 1, 0],
  [0, -1, -1, 0],
];

function turnedTo(image, turn) {
  const [a, b, c, d] = TURNS[turn] ?? TURNS[0];
  const [w, h] = [image.naturalWidth, image.naturalHeight];
  const made = document.createElement("canvas");
  made.width = Math.abs(a) * w + Math.abs(c) * h;
  made.height = Math.abs(b) * w + Math.abs(d) * h;
  const pen = made.getContext("2d");
  pen.setTransform(a, b, c, d, Math.max(0, -a * w, -c * h), Math.max(0, -b * w, -d * h));
  pen.drawImage(image, 0, 0);
  return made;
}

function drawnOn(picture, width, height) {
  const made = document.createElement("canvas");
  made.width = width;
  made.height = height;
  made.getContext("2d", { willReadFrequently: true }).drawImage(picture, 0, 0, width, height);
  return made;
}

const DRAWERS = {
  beside(canvas, { left, right, width, height, names }) {
    canvas.width = 2 * width + 8;
    canvas.height = height;
    const pen = canvas.getContext("2d");
    pen.drawImage(left, 0, 0);
    pen.drawImage(right, width + 8, 0);
    return names.join(" | ");
  },
  wipe(canvas, { left, right, width, height, names }, { share }) {
    canvas.width = width;
    canvas.height = height;
    const edge = Math.round(width * share);
    const pen = canvas.getContext("2d");
    pen.drawImage(right, 0, 0);
    if (edge > 0) {
      pen.drawImage(left, 0, 0, edge, height, 0, 0, edge, height);
    }
    pen.fillStyle = "#fff";
    pen.fillRect(edge - 1, 0, 2, height);
    return names.join(" | ");
  },
  turns(canvas, { left, right, width, height, names }, { isOther }) {
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d").drawImage(isOther ? right : left, 0, 0);
    return names[isOther ? 1 : 0];
  },
  difference(canvas, { left, right, width, height, isCropped }, { words }) {
    canvas.width = width;
    canvas.height = height;
    const [a, b] = [left, right].map((each) => each.getContext("2d").getImageData(0, 0, width, height));
    let differing = 0;
    for (let i = 0; i < a.data.length; i += 4) {
      const apart = Math.max(Math.abs(a.data[i] - b.data[i]), Math.abs(a.data[i + 1] - b.data[i + 1]), Math.abs(a.data[i + 2] - b.data[i + 2]));
      const grey = 160 + (b.data[i] + b.data[i + 1] + b.data[i + 2]) / 8;
      const marked = apart > NOISE;
      differing += marked;
      // What is the same recedes; what differs is red, and dark enough to tell without colour.
      b.data[i] = marked ? 180 : grey;
      b.data[i + 1] = marked ? 20 : grey;
      b.data[i + 2] = marked ? 20 : grey;
    }
    canvas.getContext("2d").putImageData(b, 0, 0);
    const percent = ((differing / (width * height)) * 100).toFixed(1);
    return words.differ.replace("{}", `${percent}%`) + (isCropped ? words.cropped : "");
  },
};
