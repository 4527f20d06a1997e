// Small things that both the pages and the service worker need.

/**
 * Return the SHA-256 of bytes as lower-case hex; empty outside a secure context.
 * @param {ArrayBuffer} bytes
 */
export async function sha256Of(bytes) {
  if (!globalThis.crypto?.subtle) return "";
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Return a random UUID (version 4, RFC 9562): crypto.randomUUID is younger than Chrome 90. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}

/**
 * Return a moment as RFC 3339 with this phone's own offset, which toISOString would lose.
 * @param {number} moment_ms
 */
export function withOffset(moment_ms) {
  const offset_min = -new Date(moment_ms).getTimezoneOffset();
  const local = new Date(moment_ms + offset_min * 60_000).toISOString().slice(0, 19);
  const two = (/** @type {number} */ number) =>
    String(Math.floor(Math.abs(number))).padStart(2, "0");
  return `${local}${offset_min < 0 ? "-" : "+"}${two(offset_min / 60)}:${two(offset_min % 60)}`;
}
