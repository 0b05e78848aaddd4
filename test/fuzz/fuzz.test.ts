// @vitest-environment node
import { expect, it } from "vitest";
import { fuzz } from "./fuzz.js";

/** `UPDATES=1000000 npm run fuzz` for a long run; the seed decides everything in it. */
const UPDATES = Number(process.env["UPDATES"] ?? 5_000);
const SEED = Number(process.env["SEED"] ?? 1);

/** Far more than one update takes, in ms, so that a run of any length ends. */
const MS_EACH = 10;

it(
  `of ${UPDATES} hostile updates none breaks anything (S3)`,
  () => {
    const { verdicts, problems, slowestMs, mostMegabytes } = fuzz(SEED, UPDATES);
    if (process.env["UPDATES"]) {
      console.table(Object.fromEntries([...verdicts].sort(([, a], [, b]) => b - a)));
      console.log(`slowest ${slowestMs.toFixed(1)} ms, most ${mostMegabytes.toFixed(1)} MB`);
    }
    expect(problems).toEqual([]);
    // It is no fuzzing where all is refused, or nothing.
    expect([...verdicts.keys()]).toEqual(
      expect.arrayContaining(["write", "unchanged", "INVALID_UPDATE", "CLIENT_ID_TAKEN"]),
    );
  },
  60_000 + UPDATES * MS_EACH,
);
