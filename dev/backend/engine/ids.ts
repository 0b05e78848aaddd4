import { createHash } from "node:crypto";

/**
 * Document ids in the shape of Convex's: 32 characters of base32 that name their table and carry a
 * checksum, so that `normalizeId` and `v.id()` can tell. Layout: table hash, unique part, checksum.
 */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TABLE_BYTES = 4;
const UNIQUE_BYTES = 14;
const CHECKSUM_BYTES = 2;
const ID_BYTES = TABLE_BYTES + UNIQUE_BYTES + CHECKSUM_BYTES;
const ID_LENGTH = (ID_BYTES * 8) / 5;

const tableHashes = new Map<string, number>();

/** `random` fills with random bytes. */
export function newId(table: string, random: (bytes: Uint8Array) => void): string {
  const bytes = Buffer.alloc(ID_BYTES);
  bytes.writeUInt32BE(tableHash(table), 0);
  random(bytes.subarray(TABLE_BYTES, TABLE_BYTES + UNIQUE_BYTES));
  bytes.writeUInt16BE(checksum(bytes), ID_BYTES - CHECKSUM_BYTES);
  return toBase32(bytes);
}

/** Whether `id` is a well-formed id of `table`. There need not be such a document. */
export function isIdOf(table: string, id: string): boolean {
  return tableHashOf(id) === tableHash(table);
}

/** What an id says about its table; `null` when it is not an id at all. */
export function tableHashOf(id: string): number | null {
  if (id.length !== ID_LENGTH) return null;
  const bytes = fromBase32(id);
  if (bytes === null || bytes.readUInt16BE(ID_BYTES - CHECKSUM_BYTES) !== checksum(bytes)) {
    return null;
  }
  return bytes.readUInt32BE(0);
}

export function tableHash(table: string): number {
  let hash = tableHashes.get(table);
  if (hash === undefined) {
    hash = createHash("sha256").update(table).digest().readUInt32BE(0);
    tableHashes.set(table, hash);
  }
  return hash;
}

/** Fletcher's. */
function checksum(bytes: Buffer): number {
  let [low, high] = [0, 0];
  for (let i = 0; i < ID_BYTES - CHECKSUM_BYTES; i++) {
    low = (low + bytes[i]!) % 255;
    high = (high + low) % 255;
  }
  return (high << 8) | low;
}

function toBase32(bytes: Buffer): string {
  let [text, bits, held] = ["", 0, 0];
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >>> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return text;
}

function fromBase32(text: string): Buffer | null {
  const bytes = Buffer.alloc(ID_BYTES);
  let [at, bits, held] = [0, 0, 0];
  for (const character of text) {
    const digit = ALPHABET.indexOf(character);
    if (digit < 0) return null;
    held = (held << 5) | digit;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = held >>> bits;
    held &= (1 << bits) - 1;
  }
  return bytes;
}
