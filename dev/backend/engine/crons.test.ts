import { describe, expect, it } from "vitest";
import { nextRun, type CronSchedule } from "./crons.js";

const at = (text: string) => Date.parse(`${text}Z`);

describe("nextRun", () => {
  it.each<[CronSchedule, string, string]>([
    [{ type: "interval", minutes: 5 }, "2026-01-01T00:00:00", "2026-01-01T00:05:00"],
    [{ type: "hourly", minuteUTC: 30 }, "2026-01-01T00:30:00", "2026-01-01T01:30:00"],
    [{ type: "hourly", minuteUTC: 30 }, "2026-01-01T00:29:59", "2026-01-01T00:30:00"],
    [{ type: "daily", hourUTC: 6, minuteUTC: 15 }, "2026-01-01T07:00:00", "2026-01-02T06:15:00"],
    [
      { type: "weekly", dayOfWeek: "monday", hourUTC: 9 },
      "2026-01-01T00:00:00",
      "2026-01-05T09:00:00",
    ],
    [{ type: "monthly", day: 30, hourUTC: 0 }, "2026-01-30T00:00:00", "2026-03-30T00:00:00"],
  ])("%j after %s is %s", (schedule, after, expected) => {
    expect(new Date(nextRun(schedule, at(after)))).toEqual(new Date(at(expected)));
  });

  it("says that it does not read cron expressions", () => {
    expect(() => nextRun({ type: "cron", cron: "* * * * *" }, 0)).toThrow("not supported");
  });
});
