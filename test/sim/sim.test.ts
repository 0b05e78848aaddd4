// @vitest-environment node
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { checkPatch } from "./bundle.mjs";
import { PLANTED } from "./planted/table.mjs";
import { SCALE } from "./scale.mjs";

const MAIN = fileURLToPath(new URL("main.mjs", import.meta.url));

function sim(...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr });
    });
  });
}

it("holds in random schedules", async () => {
  const { code, output } = await sim("--schedules", "60", "--seed", "1");
  expect(output).toMatch(/^60 schedules, 0 failed,.*\n$/);
  expect(code).toBe(0);
});

it("finds a planted bug, and says how to see it again", async () => {
  const bug = "accepted-bytes-forgotten";
  const found = await sim("--planted", bug, "--schedules", "200", "--stop", "--processes", "1");
  expect(found.code, found.output).toBe(1);
  const [, replay] = /npm run sim -- (.+)/.exec(found.output) ?? [];
  const again = await sim(...replay!.split(" "));
  expect(again.code).toBe(1);
  const [problem] = /seed \d+: .*/.exec(found.output)!;
  expect(again.output).toContain(problem.slice(0, 20));
});

it("refuses options that make no sense", async () => {
  expect(await sim("--schedules", "none")).toEqual({
    code: 2,
    output: expect.stringContaining("--schedules has to be a whole number above 0"),
  });
});

it.each(PLANTED)("still knows where to plant $name", ({ patches }) => {
  for (const patch of patches) checkPatch(patch);
});

it.each(SCALE)("still knows where to scale down: $find", (patch) => {
  checkPatch(patch);
});
