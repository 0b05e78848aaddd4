import { createHash } from "node:crypto";

/**
 * Makes digests without a thread: the real one ends when the machine likes, and in virtual time nothing
 * but the seed may decide when something ends.
 */
export function installDigest() {
  crypto.subtle.digest = async (algorithm, data) => {
    const name = String(algorithm).replace("-", "");
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    return new Uint8Array(createHash(name).update(bytes).digest()).buffer;
  };
}
