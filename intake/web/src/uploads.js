// Brings one photo to the server by tus 1.0 (https://tus.io/protocols/resumable-upload):
// what has arrived stays there, and the next try goes on behind it.

import { Upload } from "tus-js-client";
import { SendingFailed } from "./asking.js";
import { FetchStack } from "./fetch-stack.js";

const ENDPOINT = "/api/v1/uploads";
// The server keeps what comes before a line breaks. Pieces are for the eye: fetch() tells
// of a request's progress only when it is over.
const PIECE_BYTES = 256 * 1024;

/**
 * Upload the bytes of a photo, from where the server has got to. Resolves to the address
 * at which they lie; raises SendingFailed.
 * @param {import("./types.d.ts").Photo} photo
 * @param {Blob} bytes
 * @param {{began: (url: string) => Promise<unknown>, sent: (bytes: number) => void}} tell
 * @param {RequestCredentials} credentials
 * @returns {Promise<string>}
 */
export function bringPhoto(photo, bytes, tell, credentials) {
  return new Promise((resolve, reject) => {
    const upload = new Upload(bytes, {
      endpoint: ENDPOINT,
      uploadUrl: photo.upload_url || null,
      // The outbox remembers addresses and the sender tries again: one memory, one clock.
      retryDelays: null,
      storeFingerprintForResuming: false,
      urlStorage: FORGETFUL,
      chunkSize: PIECE_BYTES,
      metadata: {
        filename: photo.name || "photo",
        filetype: photo.type,
        ...(photo.sha256 && { sha256: photo.sha256 }),
      },
      httpStack: new FetchStack(credentials),
      onUploadUrlAvailable: () => upload.url && tell.began(upload.url),
      onProgress: tell.sent,
      onSuccess: () => resolve(upload.url ?? ""),
      onError: (error) => reject(asFailure(error)),
    });
    upload.start();
  });
}

/** @type {import("tus-js-client").UrlStorage} */
const FORGETFUL = {
  findAllUploads: async () => [],
  findUploadsByFingerprint: async () => [],
  removeUpload: async () => {},
  addUpload: async () => "",
};

/** @param {Error | import("tus-js-client").DetailedError} error */
function asFailure(error) {
  const response = "originalResponse" in error ? error.originalResponse : null;
  if (!response) return new SendingFailed(0, { detail: "" });
  let problem = {};
  try {
    problem = JSON.parse(response.getBody());
  } catch {
    // A proxy's page says no more than its status.
  }
  const retry_after_s = Number(response.getHeader("Retry-After")) || 0;
  return new SendingFailed(response.getStatus(), problem, retry_after_s);
}
