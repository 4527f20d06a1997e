// A photo as it comes from the camera: read, summed, and described.

import { newId, sha256Of, withOffset } from "./sums.js";

/** @typedef {import("./types.d.ts").Photo} Photo */

/**
 * Read a file once: what is summed is what is kept, whatever becomes of the camera's file.
 * @param {Blob} file
 */
export async function readPhoto(file) {
  const bytes = await file.arrayBuffer();
  const taken_ms = file instanceof File ? file.lastModified : Date.now();
  /** @type {Photo} */
  const photo = {
    id: newId(),
    sha256: await sha256Of(bytes),
    size_bytes: bytes.byteLength,
    type: file.type || "image/jpeg",
    name: file instanceof File ? file.name : "",
    taken_at: withOffset(taken_ms),
    upload_url: "",
    sent_bytes: 0,
    mask: [],
  };
  return { photo, blob: new Blob([bytes], { type: photo.type }) };
}
