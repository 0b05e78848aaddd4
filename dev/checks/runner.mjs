// @ts-check
/** Runs steps in order, says how each went, and adds the results up. */

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
 * @property {string[]} [needs] names of the steps without which this one means nothing
 * @property {boolean} [beside] whether it runs at the same time as its neighbours that say so as well:
 *   they neither need one another nor write what another reads
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

/**
 * Runs all steps, also those after one that failed. A step that needs a failed one is not run and
 * counts as failed.
 *
 * @param {Step[]} steps
 * @param {(line: string) => void} print
 * @returns {Promise<{ passed: number, failed: number }>}
 */
export async function runSteps(steps, print) {
  const nameWidth = Math.max(...steps.map(({ name }) => name.length));
  const total = { passed: 0, failed: 0 };
  /** @type {Set<string>} */
  const failedSteps = new Set();
  for (const group of groupsOf(steps)) {
    const running = group.map((step) => ({ step, result: runStep(step, failedSteps) }));
    for (const { step, result: promise } of running) {
      const result = await promise;
      if (!result.ok) failedSteps.add(step.name);
      const { passed, failed } = countOf(result);
      total.passed += passed;
      total.failed += failed;
      const mark = result.ok ? "✓" : "✗";
      print(`${mark} ${step.name.padEnd(nameWidth)}  ${result.detail ?? ""}`.trimEnd());
      if (result.output && (!result.ok || result.report)) print(indent(result.output));
    }
  }
  return total;
}

/**
 * The steps, those together that run at the same time.
 *
 * @param {Step[]} steps
 */
function groupsOf(steps) {
  /** @type {Step[][]} */
  const groups = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (step.beside && last?.at(-1)?.beside) last.push(step);
    else groups.push([step]);
  }
  return groups;
}

/**
 * @param {Step} step
 * @param {Set<string>} failedSteps
 * @returns {Promise<Result>}
 */
async function runStep(step, failedSteps) {
  const missing = step.needs?.find((name) => failedSteps.has(name));
  if (missing !== undefined) return { ok: false, detail: `not run, because ${missing} failed` };
  try {
    return await step.run();
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
