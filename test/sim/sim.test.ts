// @vitest-environment node
import { expect, it } from "vitest";
import { runSchedule } from "./schedule.js";

const FROM = Number(process.env["SEED"] ?? 1);
const SCHEDULES = Number(process.env["SCHEDULES"] ?? 20);

it(`holds in ${SCHEDULES} random schedules from seed ${FROM}`, { timeout: 3_600_000 }, async () => {
  for (let seed = FROM; seed < FROM + SCHEDULES; seed++) {
    if (process.env["VERBOSE"]) process.stderr.write(`seed ${seed}\n`);
    const { failure } = await runSchedule(seed);
    expect(failure, `SEED=${seed} SCHEDULES=1 npx vitest run test/sim`).toBeNull();
  }
});
