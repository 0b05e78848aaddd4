/** Bytes of a hash that are kept: enough that no two texts ever share one. */
const HASH_BYTES = 16;

/** SHA-256, shortened, in hexadecimal. */
export async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest, 0, HASH_BYTES), hex).join("");
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
