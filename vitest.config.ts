import { fileURLToPath } from "node:url";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";

/** Timeouts end what hangs; a busy machine must not fail a test. */
const TIMEOUT_MS = 30_000;

/** For tests that run a compiler, a thousand schedules or a browser. */
const LONG_TIMEOUT_MS = 180_000;

/** What Convex recommends for its functions. */
const EDGE_RUNTIME = "./dev/edge-runtime.ts";

/** Every call of a Convex function passes its bytes as base64. */
const NATIVE_BASE64 = new URL("dev/native-base64/register.mjs", import.meta.url).href;

/** Tests that are written for convex-test. */
const COMPONENT_TESTS = "src/{component,server}/**/*.test.ts";
const EXAMPLE_TESTS = "example/convex/**/*.test.ts";
/** Those of them that call no Convex function, so that it is all one what would run it. */
const RUN_NO_FUNCTION = ["src/server/{merge,types}.test.ts", "src/component/plan.test.ts"];

const CONVEX_TEST_SHIM = "dev/backend/convex-test-shim";
const ENGINE_FOR_CONVEX_TEST = {
  find: /^convex-test$/,
  replacement: fileURLToPath(new URL(`${CONVEX_TEST_SHIM}/index.ts`, import.meta.url)),
};
const REPLACEMENT_TEST = `${CONVEX_TEST_SHIM}/replaced.test.ts`;

/** Tests that go through TanStack DB, on the lowest and on the newest version of it. */
const TANSTACK_DB_TESTS = [
  "src/client/{collection,collection-setup,identities,idempotency,outbox}.test.ts",
  "test/{sync,tanstack}/**/*.test.ts",
];

/**
 * Those tests, on one copy of it.
 *
 * @param copy A dev dependency that is `@tanstack/db` under another name.
 */
const onTanStackDB = (name: string, copy: string): TestProjectConfiguration => ({
  extends: true,
  resolve: { alias: [{ find: /^@tanstack\/db$/, replacement: copy }] },
  test: {
    name,
    include: TANSTACK_DB_TESTS,
    // It brings a copy of its own, unless it is transformed like a source of this repository.
    server: { deps: { inline: ["@tanstack/offline-transactions"] } },
    env: { TANSTACK_DB: copy },
    testTimeout: LONG_TIMEOUT_MS,
  },
});

/**
 * Every test file of the repository belongs to exactly one project, but for those written for
 * convex-test, which run on our own engine, too, and those that go through TanStack DB, which run on
 * two versions of it. `npm test -- <project>` runs one, `npx vitest --project <project>`
 * watches it.
 *
 * Tests in `src` import their subject relatively. Elsewhere `convex-replicate/…` is what a user
 * gets: the package's own exports, out of `dist`. Hence `npm run build` first.
 */
export default defineConfig({
  test: {
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
    // A process for each file costs more than most tests: they share some, with modules of their own.
    isolate: false,
    setupFiles: ["./dev/fresh-modules.ts"],
    execArgv: ["--import", NATIVE_BASE64],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["{src,dev,example}/**/*.test.{ts,tsx}"],
          exclude: [
            COMPONENT_TESTS,
            EXAMPLE_TESTS,
            REPLACEMENT_TEST,
            ...TANSTACK_DB_TESTS,
            "**/node_modules/**",
          ],
        },
      },
      {
        extends: true,
        test: {
          name: "component",
          include: [COMPONENT_TESTS],
          environment: EDGE_RUNTIME,
        },
      },
      {
        extends: true,
        test: {
          name: "example",
          include: [EXAMPLE_TESTS],
          environment: EDGE_RUNTIME,
        },
      },
      {
        extends: true,
        // In Node, where the embedded backend runs: the edge runtime is twice as slow with bytes.
        resolve: { alias: [ENGINE_FOR_CONVEX_TEST] },
        test: {
          name: "on-engine",
          include: [COMPONENT_TESTS, EXAMPLE_TESTS, REPLACEMENT_TEST],
          exclude: RUN_NO_FUNCTION,
        },
      },
      {
        extends: true,
        test: { name: "protocol", include: ["test/protocol/**/*.test.ts"] },
      },
      {
        extends: true,
        test: {
          name: "sim",
          include: ["test/sim/**/*.test.ts"],
          testTimeout: LONG_TIMEOUT_MS,
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["test/**/*.test.{ts,tsx}"],
          exclude: ["test/{protocol,sim,e2e}/**", ...TANSTACK_DB_TESTS],
          testTimeout: LONG_TIMEOUT_MS,
        },
      },
      onTanStackDB("tanstack-lowest", "tanstack-db-lowest"),
      onTanStackDB("tanstack-newest", "tanstack-db-newest"),
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: "test/e2e/setup/global.ts",
          testTimeout: LONG_TIMEOUT_MS,
          hookTimeout: LONG_TIMEOUT_MS,
          fileParallelism: false, // one browser at a time
        },
      },
    ],
  },
});
