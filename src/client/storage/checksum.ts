/** FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

/**
 * A checksum of strings, numbers, booleans, null, bytes, and of arrays and plain objects of them.
 * Every step is a bijection of the state, so a change of any single character or byte is found.
 * It guards against damage, not against malice.
 */
export function checksum(value: unknown): number {
  return add(OFFSET, value) >>> 0;
}

function add(hash: number, value: unknown): number {
  if (typeof value === "string") return addText(addText(hash, `s${value.length}:`), value);
  if (value instanceof Uint8Array) return addBytes(addText(hash, `b${value.length}:`), value);
  if (Array.isArray(value)) return value.reduce(add, addText(hash, `a${value.length}:`)) as number;
  if (typeof value !== "object" || value === null) return addText(hash, `${String(value)};`);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.reduce(
    (sum, [key, item]) => add(add(sum, key), item),
    addText(hash, `o${entries.length}:`),
  );
}

function addText(hash: number, text: string): number {
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
  return hash;
}

function addBytes(hash: number, bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; at++) hash = Math.imul(hash ^ bytes[at]!, PRIME);
  return hash;
}
