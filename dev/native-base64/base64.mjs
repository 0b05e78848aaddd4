// @ts-check
/** What `convex/values` has for base64, by what Node brings: the same, ten times as fast. */

/** @param {string} text */
export function byteLength(text) {
  if (text.length % 4 > 0) throw new Error("Invalid string. Length must be a multiple of 4");
  return (text.length / 4) * 3 - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0);
}

/**
 * @param {string} text
 * @returns {Uint8Array} in a buffer of its own
 */
export function toByteArray(text) {
  const bytes = new Uint8Array(byteLength(text));
  Buffer.from(bytes.buffer).write(text, "base64");
  return bytes;
}

/** @param {Uint8Array} bytes */
export function fromByteArray({ buffer, byteOffset, length }) {
  return Buffer.from(buffer, byteOffset, length).toString("base64");
}

/** @param {Uint8Array} bytes */
export function fromByteArrayUrlSafeNoPadding({ buffer, byteOffset, length }) {
  return Buffer.from(buffer, byteOffset, length).toString("base64url");
}
