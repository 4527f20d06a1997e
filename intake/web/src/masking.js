// Draws what a rider has brushed over on a photo, as the server will paint it.

/** @typedef {import("./types.d.ts").Stroke} Stroke */

/**
 * Resolve to a picture that can be drawn, upright; null where the browser can't show it.
 * @param {Blob} bytes
 * @returns {Promise<HTMLImageElement | null>}
 */
export async function loadImage(bytes) {
  const image = new Image();
  const address = URL.createObjectURL(bytes);
  image.src = address;
  try {
    await image.decode();
    return image;
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/**
 * Give a canvas the picture's shape, as large as asked.
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLImageElement} image
 * @param {number} long_edge
 */
export function fittedTo(canvas, image, long_edge) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const scale = long_edge / Math.max(width, height);
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  return canvas;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLImageElement} image
 * @param {Stroke[]} mask
 */
export function drawMasked(canvas, image, mask) {
  const { width, height } = canvas;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.drawImage(image, 0, 0, width, height);
  pen.lineCap = pen.lineJoin = "round";
  for (const stroke of mask) {
    const [first, ...others] = stroke.points;
    pen.lineWidth = stroke.width * Math.max(width, height);
    pen.beginPath();
    pen.moveTo(first[0] * width, first[1] * height);
    // A line to where it begins is a dab.
    for (const [x, y] of others.length ? others : [first]) pen.lineTo(x * width, y * height);
    pen.stroke();
  }
}
