// @ts-check
/** Runs steps, says how each went, and adds the results up. */

/**
 * How a step went. A step of tests counts its tests; any other step counts as one.
 *
 * @typedef {object} Result
 * @property {boolean} ok
 * @property {string} [detail] what to say beside the step's name
 * @property {string} [output] shown when the step failed, or always when `report` is true
 * @property {boolean} [report]
 * @property {{ passed: number, failed: number }} [tests]
 *
 * @typedef {object} Step
 * @property {string} name
 * @property {string} about one line for the help
 * @property {string[]} [needs] names of earlier steps without which this one means nothing
 * @property {() => Promise<Result>} run
 */

/**
 * Steps by name, each with those it needs, in the order of `steps`.
 *
 * @param {Step[]} steps
 * @param {string[]} names none for all
 * @returns {Step[]}
 * @throws {Error} when there is no step of that name
 */
export function selectSteps(steps, names) {
  if (names.length === 0) return steps;
  /** @type {Set<string>} */
  const wanted = new Set();
  /** @param {string} name */
  const want = (name) => {
    const step = steps.find((candidate) => candidate.name === name);
    if (step === undefined) throw new Error(`There is no step "${name}". See npm test -- --help.`);
    wanted.add(name);
    step.needs?.forEach(want);
  };
  names.forEach(want);
  return steps.filter(({ name }) => wanted.has(name));
}

/** More than CI has processors (2): tests that talk to a server wait for a clock half of their time. */
const AT_ONCE = 3;

/**
 * Runs all steps, also those after one that failed: in order, three at a time, each once those it
 * needs have ended. One that needs a failed one is not run and counts as failed.
 *
 * @param {Step[]} steps
 * @param {(line: string) => void} print told of each step as it ends
 * @param {() => number} [now] in ms
 * @returns {Promise<{ passed: number, failed: number }>}
 */
export async function runSteps(steps, print, now = Date.now) {
  const nameWidth = Math.max(...steps.map(({ name }) => name.length));
  const total = { passed: 0, failed: 0 };
  /** @type {Map<string, Promise<Result>>} */
  const results = new Map();

  /** @param {Step} step */
  const runAndTell = async (step) => {
    const startedAt = now();
    const promise = runStep(step, results);
    results.set(step.name, promise);
    const result = await promise;
    const { passed, failed } = countOf(result);
    total.passed += passed;
    total.failed += failed;
    const mark = result.ok ? "✓" : "✗";
    const took = `${Math.round((now() - startedAt) / 1000)} s`.padStart(5);
    print(`${mark} ${step.name.padEnd(nameWidth)} ${took}  ${result.detail ?? ""}`.trimEnd());
    if (result.output && (!result.ok || result.report)) print(indent(result.output));
  };

  const queue = [...steps];
  const work = async () => {
    for (let step = queue.shift(); step; step = queue.shift()) await runAndTell(step);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return total;
}

/**
 * @param {Step} step
 * @param {Map<string, Promise<Result>>} results of the steps before it, or those of them that were selected
 * @returns {Promise<Result>}
 */
async function runStep({ needs = [], run }, results) {
  for (const name of needs) {
    const needed = await results.get(name);
    if (needed?.ok === false) return { ok: false, detail: `not run, because ${name} failed` };
  }
  try {
    return await run();
  } catch (error) {
    return { ok: false, output: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * A step of tests that failed counts at least one failure, also when no single test failed: a file
 * that cannot be loaded has none.
 *
 * @param {Result} result
 */
function countOf({ ok, tests }) {
  const { passed, failed } = tests ?? { passed: ok ? 1 : 0, failed: 0 };
  return { passed, failed: ok ? failed : Math.max(failed, 1) };
}

/** @param {string} text */
function indent(text) {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => `    ${line}`.trimEnd())
    .join("\n");
}
