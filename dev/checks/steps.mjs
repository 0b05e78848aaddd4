// @ts-check
/** The steps of `npm test`, in order: what takes longest begins soon, so that nothing waits for it. */
import { run, runAll } from "./command.mjs";
import { checkPackage } from "./package.mjs";
import { checkSizes } from "./size.mjs";
import { runTests } from "./tests.mjs";

/** @type {import("./runner.mjs").Step[]} */
export const STEPS = [
  {
    name: "build",
    about: "src becomes dist",
    run: () => run("npm", ["run", "--silent", "build"]),
  },
  {
    name: "e2e",
    about: "the example in a browser",
    needs: ["build"],
    run: () => runTests("e2e"),
  },
  {
    name: "tanstack-lowest",
    about: "collections on the lowest TanStack DB that is supported",
    needs: ["build"],
    run: () => runTests("tanstack-lowest"),
  },
  {
    name: "tanstack-newest",
    about: "collections on the newest one",
    needs: ["build"],
    run: () => runTests("tanstack-newest"),
  },
  {
    name: "format",
    about: "every file is as prettier would write it",
    run: () => run("npm", ["run", "--silent", "format:check"]),
  },
  {
    name: "lint",
    about: "no finding of ESLint",
    needs: ["build"],
    run: () => run("npm", ["run", "--silent", "lint"]),
  },
  {
    name: "codegen",
    about: "the committed _generated folders are what would be generated",
    needs: ["build"],
    run: () => run("npm", ["run", "--silent", "codegen", "--", "--check"]),
  },
  {
    name: "types",
    about: "sources, tests, tooling and the example have no type errors",
    needs: ["build"],
    run: () => run("npm", ["run", "--silent", "typecheck"]),
  },
  {
    name: "tanstack-types",
    about: "the client's types fit the lowest and the newest TanStack DB",
    needs: ["build"],
    run: () =>
      runAll([
        ["tsc", "-p", "test/tanstack/tsconfig.lowest.json"],
        ["tsc", "-p", "test/tanstack/tsconfig.newest.json"],
      ]),
  },
  {
    name: "package",
    about: "what would be published holds the right files and resolves",
    needs: ["build"],
    run: checkPackage,
  },
  {
    name: "size",
    about: "what each entry adds to a bundle stays within its budget",
    needs: ["build"],
    run: checkSizes,
  },
  {
    name: "unit",
    about: "tests beside their source, in Node",
    run: () => runTests("unit"),
  },
  {
    name: "component",
    about: "tests of the component and the server side, in an edge runtime as in Convex",
    run: () => runTests("component"),
  },
  {
    name: "example",
    about: "tests of the example's Convex functions",
    needs: ["build"],
    run: () => runTests("example"),
  },
  {
    name: "on-engine",
    about: "the tests of component and example again, on the embedded backend's engine",
    needs: ["build"],
    run: () => runTests("on-engine"),
  },
  {
    name: "protocol",
    about: "Convex's own clients against the embedded backend",
    run: () => runTests("protocol"),
  },
  {
    name: "sim",
    about: "the simulator: random schedules with faults",
    needs: ["build"],
    run: () => runTests("sim"),
  },
  {
    name: "integration",
    about: "client and server together, and the README's code",
    needs: ["build"],
    run: () => runTests("integration"),
  },
];
