import { base64 } from "convex/values";
import fc from "fast-check";
import { expect, it } from "vitest";
import * as native from "./base64.mjs";

const MODULE = "../../node_modules/convex/dist/esm/values/base64.js?convex's own";
const own = (await import(/* @vite-ignore */ MODULE)) as typeof native;

it("has taken the place of Convex's own in tests", () => {
  expect(base64.fromByteArray).toBe(native.fromByteArray);
  expect(own.fromByteArray).not.toBe(native.fromByteArray);
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
