import fc from "fast-check";
import { expect, it } from "vitest";
import * as native from "./base64.mjs";

const CONVEX_OWN = "../../node_modules/convex/dist/esm/values/base64.js";
const load = (module: string) => import(/* @vite-ignore */ module) as Promise<typeof native>;
const own = await load(`${CONVEX_OWN}?own`);

it("has taken the place of Convex's own in tests", async () => {
  const { toByteArray } = await load(CONVEX_OWN);
  expect(String(toByteArray)).toBe(String(native.toByteArray));
  expect(String(own.toByteArray)).not.toBe(String(native.toByteArray));
});

it("gives what Convex's own gives", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(3), (all, from) => {
      const bytes = all.subarray(from); // in a buffer that holds more
      const text = own.fromByteArray(bytes);
      expect(native.fromByteArray(bytes)).toBe(text);
      expect(native.fromByteArrayUrlSafeNoPadding(bytes)).toBe(
        own.fromByteArrayUrlSafeNoPadding(bytes),
      );
      const back = native.toByteArray(text);
      expect(back).toEqual(own.toByteArray(text));
      expect(back.buffer.byteLength).toBe(bytes.length);
      expect(native.byteLength(text)).toBe(own.byteLength(text));
    }),
  );
});

it("refuses what Convex's own refuses", () => {
  for (const text of ["a", "ab", "abc", "abcde", "="]) {
    expect(() => own.toByteArray(text)).toThrow(/multiple of 4/);
    expect(() => native.toByteArray(text)).toThrow(/multiple of 4/);
  }
});
