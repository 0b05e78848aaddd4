// @vitest-environment node
import { expect, it } from "vitest";
import { fillDocuments } from "./filled.js";
import { fuzz, type FuzzResult } from "./fuzz.js";

/** `UPDATES=1000000 npm run fuzz` for a long run; the seed decides everything in it. */
const UPDATES = Number(process.env["UPDATES"] ?? 5_000);
const SEED = Number(process.env["SEED"] ?? 1);
const isLong = process.env["UPDATES"] !== undefined;

/** Far more than one update takes, in ms, so that a run of any length ends. */
const MS_EACH = 10;

/** What one update may take of the server (S3). */
const MOST_MS = 50;
const MOST_MEGABYTES = 32;

it(
  `of ${UPDATES} hostile updates none breaks anything (S3)`,
  () => {
    const result = fuzz(SEED, UPDATES);
    if (isLong) print(result);
    expect(result.problems.slice(0, 5)).toEqual([]);
    // It is no fuzzing where all is refused, or nothing, or all at the door.
    expect([...result.verdicts.keys()]).toEqual(
      expect.arrayContaining([
        ...["write", "unchanged", "ended", "INVALID_UPDATE", "UPDATE_TOO_LARGE", "INVALID_ROW"],
        ...["INVALID_VALUE", "CLIENT_ID_TAKEN", "MISSING_DEPENDENCIES", "UNKNOWN_DOCUMENT"],
      ]),
    );
    expect(result.passed / UPDATES).toBeGreaterThan(0.4);
    if (!isLong) return;
    expect(result.slowest.ms).toBeLessThan(MOST_MS);
    expect(result.mostMegabytes.megabytes).toBeLessThan(MOST_MEGABYTES);
  },
  120_000 + UPDATES * MS_EACH,
);

/** What an edit may take of a document that was filled on purpose, of the second that Convex gives it. */
const MOST_MS_FILLED = 500;

it("a document that is filled by the heaviest updates is full before it is a burden (S8)", () => {
  const all = fillDocuments(isLong ? Infinity : 1);
  if (isLong) console.table(all);
  for (const { what, updates, verdict, ms } of all) {
    expect({ what, verdict }).toEqual({ what, verdict: "ROW_TOO_LARGE" });
    expect(updates, what).toBeLessThanOrEqual(3);
    if (isLong) expect(ms, what).toBeLessThan(MOST_MS_FILLED);
  }
}, 600_000);

function print({ verdicts, updates, passed, slowest, mostMegabytes }: FuzzResult) {
  const rows = [...verdicts].sort(([, a], [, b]) => b.structure - a.structure);
  console.table(Object.fromEntries([...rows, ["all", updates]]));
  console.log(`${((passed / UPDATES) * 100).toFixed(1)} % of the mutations passed the guard`);
  console.log(`slowest ${slowest.ms.toFixed(1)} ms of processor time: ${slowest.what}`);
  const { megabytes, what } = mostMegabytes;
  console.log(`most memory ${megabytes.toFixed(1)} MB: ${what}`);
}
