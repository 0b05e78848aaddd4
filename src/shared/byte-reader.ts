/** Thrown when bytes end, or hold a number that no encoder writes. */
export class Malformed extends Error {}

const SHORT = 40;

/** Made when it is needed first: where there is none (React Native), the module loads all the same. */
let utf8: TextDecoder | undefined;

/** Steps through bytes in lib0's encoding, which Yjs updates are in, without keeping anything. */
export class ByteReader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.at === this.#bytes.length;
  }

  get left(): number {
    return this.#bytes.length - this.at;
  }

  byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new Malformed("it ends too early");
    return byte;
  }

  /**
   * A variable-length unsigned integer, up to 53 bits, of at most as many bytes as any encoder writes.
   * With many more of them, lib0 reads NaN, which no comparison stops.
   */
  uint(): number {
    const most = this.at + 8;
    let value = 0;
    for (let factor = 1; this.at < most; factor *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte >= 0x80) continue;
      if (value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    throw new Malformed("it holds a number that is too large");
  }

  skip(bytes: number) {
    this.at += bytes;
    if (this.at > this.#bytes.length) throw new Malformed("it ends too early");
  }

  /** Skips a signed integer, of at most as many bytes as any encoder writes. */
  skipInt() {
    const most = this.at + 9;
    while (this.byte() >= 0x80)
      if (this.at > most) throw new Malformed("it holds a number that is too large");
  }

  /** Skips what says its own length: text and bytes. */
  skipSized(): number {
    const length = this.uint();
    this.skip(length);
    return length;
  }

  /** Text that says its own length; null when it is longer than `most` bytes, and then skipped. */
  shortText(most: number): string | null {
    const length = this.skipSized();
    if (length > most) return null;
    const bytes = this.#bytes.subarray(this.at - length, this.at);
    // `fromCharCode` is several times faster for short text, `TextDecoder` for long. They differ only on
    // non-ASCII, which callers refuse.
    return length < SHORT
      ? String.fromCharCode(...bytes)
      : (utf8 ??= new TextDecoder("utf-8", { ignoreBOM: true })).decode(bytes);
  }
}
