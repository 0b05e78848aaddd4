// @vitest-environment node
import { expect, it } from "vitest";
import { seededRandom } from "./interleaving.js";
import { bytesFrom, unpredictableBytes, type FillRandom } from "./random-bytes.js";

const ID_BYTES = 14;
/** Enough to use up many pools. */
const COUNT = 5000;

function draw(fill: FillRandom): string[] {
  return Array.from({ length: COUNT }, () => {
    const bytes = new Uint8Array(ID_BYTES);
    fill(bytes);
    return Buffer.from(bytes).toString("hex");
  });
}

it("never gives the same bytes twice", () => {
  const drawn = [...draw(unpredictableBytes()), ...draw(unpredictableBytes())];
  // Any six bytes, so that parts of a pool that is used again show, too.
  expect(new Set(drawn.map((bytes) => bytes.slice(0, 12))).size).toBe(2 * COUNT);
  expect(new Set(drawn.map((bytes) => bytes.slice(-12))).size).toBe(2 * COUNT);
});

it("repeats what a seed makes", () => {
  expect(draw(bytesFrom(seededRandom(1)))).toEqual(draw(bytesFrom(seededRandom(1))));
});
