import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Timeouts end what hangs; a busy machine must not fail a test. */
const TIMEOUT_MS = 30_000;

/** For tests that run a compiler, a thousand schedules or a browser. */
const LONG_TIMEOUT_MS = 180_000;

const EDGE_RUNTIME = "edge-runtime";

const AS_CONVEX_TEST = fileURLToPath(
  new URL("dev/backend/as-convex-test/index.ts", import.meta.url),
);

/**
 * Every test file of the repository belongs to exactly one project. `npm test -- <project>` runs
 * one, `npx vitest --project <project>` watches it.
 *
 * Tests in `src` import their subject relatively. Elsewhere `convex-replicate/…` is what a user
 * gets: the package's own exports, out of `dist`. Hence `npm run build` first.
 */
export default defineConfig({
  test: {
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["{src,dev,example}/**/*.test.{ts,tsx}"],
          exclude: [
            "src/{component,server}/**",
            "example/convex/**",
            "dev/backend/as-convex-test/replaced.test.ts",
            "**/node_modules/**",
          ],
        },
      },
      {
        extends: true,
        test: {
          name: "component",
          include: ["src/{component,server}/**/*.test.ts"],
          environment: EDGE_RUNTIME,
        },
      },
      {
        extends: true,
        test: {
          name: "example",
          include: ["example/convex/**/*.test.ts"],
          environment: EDGE_RUNTIME,
        },
      },
      {
        extends: true,
        // The same files as `component` and `example`.
        resolve: { alias: [{ find: /^convex-test$/, replacement: AS_CONVEX_TEST }] },
        test: {
          name: "on-engine",
          include: [
            "src/{component,server}/**/*.test.ts",
            "example/convex/**/*.test.ts",
            "dev/backend/as-convex-test/replaced.test.ts",
          ],
          environment: EDGE_RUNTIME,
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
          exclude: ["test/{protocol,sim,e2e}/**"],
          testTimeout: LONG_TIMEOUT_MS,
        },
      },
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
