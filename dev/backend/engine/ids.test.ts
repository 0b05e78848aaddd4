import { randomFillSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isIdOf, newId } from "./ids.js";

const fill = (bytes: Uint8Array) => void randomFillSync(bytes);

describe("ids", () => {
  it("look like Convex's and name their table", () => {
    for (let i = 0; i < 500; i++) {
      const id = newId("tasks", fill);
      expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{32}$/);
      expect([isIdOf("tasks", id), isIdOf("users", id)]).toEqual([true, false]);
    }
  });

  it("are recognised when a character is wrong", () => {
    const id = newId("tasks", fill);
    const last = id.endsWith("0") ? "1" : "0";
    const wrong = [id.slice(0, -1) + last, id.slice(0, 10), "", `${id}0`, "i".repeat(32)];
    expect(wrong.filter((text) => isIdOf("tasks", text))).toEqual([]);
  });

  it("repeat with their randomness", () => {
    const zeros = (bytes: Uint8Array) => void bytes.fill(0);
    expect(newId("tasks", zeros)).toBe(newId("tasks", zeros));
  });
});
