type Random = () => number;

/** Bytes that mean something in V1: content kinds, value kinds, flags, ends and continuations. */
const TELLING = [0, 1, 2, 3, 5, 7, 8, 10, 40, 66, 116, 117, 118, 119, 122, 125, 127, 128, 136, 255];

const MOST_EDITS = 6;
const MOST_COPIED = 64;

/** A hostile neighbour of `bytes`; `other` may lend a piece. */
export function mutate(bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const result = [...bytes];
  const edits = 1 + Math.floor(random() ** 2 * MOST_EDITS);
  for (let n = 0; n < edits; n++) edit(result, other, random);
  return Uint8Array.from(result);
}

function edit(bytes: number[], other: Uint8Array, random: Random) {
  const at = Math.floor(random() * (bytes.length + 1));
  const length = Math.floor(random() ** 3 * MOST_COPIED);
  switch (Math.floor(random() * 8)) {
    case 0:
      bytes[at] = Math.floor(random() * 256);
      break;
    case 1:
      bytes[at] = TELLING[Math.floor(random() * TELLING.length)]!;
      break;
    case 2:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      break;
    case 3:
      bytes.splice(at, length);
      break;
    case 4:
      bytes.splice(at, 0, ...bytes.slice(at, at + length));
      break;
    case 5: {
      const from = Math.floor(random() * other.length);
      bytes.splice(at, 0, ...other.slice(from, from + length));
      break;
    }
    case 6:
      // A number with more zeros than any needs.
      bytes.splice(at, 0, ...new Array<number>(1 + Math.floor(random() * 200)).fill(128));
      break;
    default:
      // A number as large as there may be, and larger.
      bytes.splice(at, 1, ...new Array<number>(1 + (length % 9)).fill(255), 15);
  }
  for (let n = 0; n < bytes.length; n++) bytes[n] ??= 0;
}
