import type { ReplicaStorage } from "../storage/storage.js";
import { CONTENTS } from "./contents.js";
import type { StorageTest } from "./context.js";
import { contextOf } from "./context.js";
import { TRANSACTIONS } from "./transactions.js";
import { VERSIONS } from "./versions.js";

export interface StorageTestOptions {
  /** Registers a test: `test` or `it` of vitest, jest, node:test, mocha, or one of your own. */
  test(name: string, body: () => Promise<void>): unknown;
  /**
   * Whether what one storage has stored is there for another one from `makeStorage`, as it is for a
   * page that is loaded again. True by default; false for what lives in memory.
   */
  persistent?: boolean;
}

/**
 * Registers the tests that a storage for {@link ReplicaStorage} has to pass: what the client takes for
 * granted about transactions, order, keys, copies, versions and what is there after a reload. Every
 * test uses names of its own, so that nothing has to be cleaned up in between.
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { runStorageTests } from "convex-replicate/storage-tests";
 * runStorageTests(() => sqliteStorage("test.db"), { test });
 * ```
 */
export function runStorageTests(
  makeStorage: () => ReplicaStorage | Promise<ReplicaStorage>,
  { test, persistent = true }: StorageTestOptions,
) {
  for (const [name, run] of STORAGE_TESTS) {
    test(name, async () => {
      const context = contextOf(makeStorage, persistent);
      await run(context).finally(context.closeAll);
    });
  }
}

const STORAGE_TESTS: readonly StorageTest[] = [...CONTENTS, ...TRANSACTIONS, ...VERSIONS];
