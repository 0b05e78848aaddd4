import { expect, it } from "vitest";
import { wrongContents } from "./package.mjs";
import { runSteps, selectSteps, type Result, type Step } from "./runner.mjs";
import { judgeSizes } from "./size.mjs";
import { summarize } from "./tests.mjs";

function step(name: string, result: Result | Error, needs: string[] = []): Step {
  const run = () => (result instanceof Error ? Promise.reject(result) : Promise.resolve(result));
  return { name, about: "", needs, run };
}

async function report(...steps: Step[]) {
  const lines: string[] = [];
  const total = await runSteps(
    steps,
    (line) => lines.push(line),
    () => 0,
  );
  return { total, text: lines.join("\n") };
}

it("counts a step as one, and a step of tests by its tests", async () => {
  const { total } = await report(
    step("format", { ok: true }),
    step("unit", { ok: true, tests: { passed: 7, failed: 0 } }),
    step("sim", { ok: false, tests: { passed: 2, failed: 3 } }),
    step("lint", { ok: false }),
  );
  expect(total).toEqual({ passed: 10, failed: 4 });
});

it("counts a failure when tests could not be loaded", async () => {
  const { total } = await report(step("unit", { ok: false, tests: { passed: 2, failed: 0 } }));
  expect(total).toEqual({ passed: 2, failed: 1 });
});

it("shows the output of a step only when it failed, or is a report", async () => {
  const { text } = await report(
    step("format", { ok: true, output: "all fine" }),
    step("lint", { ok: false, output: "no any" }),
    step("size", { ok: true, output: "client 1 kB", report: true }),
  );
  expect(text).not.toMatch("all fine");
  expect(text).toMatch("✗ lint     0 s\n    no any");
  expect(text).toMatch("✓ size     0 s\n    client 1 kB");
});

it("goes on after a step that failed or threw, but not to a step that needs it", async () => {
  const { total, text } = await report(
    step("build", new Error("no compiler")),
    step("sim", { ok: true }, ["build"]),
    step("unit", { ok: true }),
  );
  expect(total).toEqual({ passed: 1, failed: 2 });
  expect(text).toMatch("no compiler");
  expect(text).toMatch("✗ sim     0 s  not run, because build failed");
  expect(text).toMatch("✓ unit");
});

it("runs three steps at a time, each after those it needs, and tells of each as it ends", async () => {
  const log: string[] = [];
  const slow = (name: string, turns: number, needs?: string[]): Step => {
    const run = async () => {
      log.push(`${name} begins`);
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      log.push(`${name} ends`);
      return { ok: true };
    };
    return { ...step(name, { ok: true }, needs), run };
  };
  const { text } = await report(
    slow("build", 20),
    slow("lint", 50),
    slow("types", 60),
    slow("size", 5, ["build"]),
    slow("unit", 5),
  );
  const expected = ["build", "lint", "types"].map((name) => `${name} begins`);
  expected.push("build ends", "size begins", "size ends");
  expected.push("unit begins", "unit ends", "lint ends", "types ends");
  expect(log).toEqual(expected);
  expect(text.match(/\w+(?= +0 s)/g)).toEqual(["build", "size", "unit", "lint", "types"]);
});

it("says how long a step took", async () => {
  const times = [1_000, 13_400];
  const lines: string[] = [];
  await runSteps(
    [step("unit", { ok: true })],
    (line) => lines.push(line),
    () => times.shift()!,
  );
  expect(lines).toEqual(["✓ unit  12 s"]);
});

it("selects steps by name, with those they need, in order", () => {
  const passed = { ok: true };
  const steps = [step("lint", passed), step("build", passed), step("sim", passed, ["build"])];
  const names = (selected: Step[]) => selected.map(({ name }) => name);
  expect(names(selectSteps(steps, []))).toEqual(["lint", "build", "sim"]);
  expect(names(selectSteps(steps, ["sim"]))).toEqual(["build", "sim"]);
  expect(() => selectSteps(steps, ["simm"])).toThrow('no step "simm"');
});

it("reads how many tests passed, failed and were skipped", () => {
  const counts = { numPassedTests: 3, numFailedTests: 1, numPendingTests: 1, numTodoTests: 1 };
  expect(summarize(counts)).toEqual({
    detail: "3 passed, 1 failed, 2 skipped",
    tests: { passed: 3, failed: 1 },
  });
});

const BUILT = ["dist/a.js", "dist/a.js.map", "dist/a.d.ts", "dist/a.d.ts.map"];
const PACKED = ["LICENSE", "README.md", "package.json", "src/a.ts", "src/test.ts", ...BUILT];

it("accepts a package of sources and what was built from them", () => {
  expect(wrongContents(PACKED)).toEqual([]);
});

it.each([
  ["a test", "src/a.test.ts"],
  ["what was built from a source that is gone", "dist/gone.js"],
  ["a file from elsewhere", "dev/start.mjs"],
])("refuses %s in the package", (_, file) => {
  expect(wrongContents([...PACKED, file])).toContain(`${file} should not be in the package.`);
});

it.each(["README.md", "dist/a.d.ts"])("misses %s", (file) => {
  const without = PACKED.filter((packed) => packed !== file);
  expect(wrongContents(without)).toEqual([`${file} is not in the package.`]);
});

it("fails for an entry above its budget, and says which", () => {
  const small = { entry: "./fields", minified: 2000, gzipped: 1000, budget: 1000 };
  const large = { entry: "./client", minified: 2000, gzipped: 1001, budget: 1000 };
  expect(judgeSizes([small]).ok).toBe(true);
  const { ok, output } = judgeSizes([small, large]);
  expect(ok).toBe(false);
  expect(output).toMatch(/\.\/client .* over budget/);
  expect(output).not.toMatch(/\.\/fields .* over budget/);
});
