import * as db from "@tanstack/db";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { startExecutor } from "./executor.js";
import packageJson from "../../package.json" with { type: "json" };

/** The package whose copy this project is to test, e.g. `tanstack-db-lowest`. */
const expected = process.env.TANSTACK_DB!;

const versionOf = (name: string) => {
  const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
};

it(`runs on TanStack DB ${versionOf(expected)}, and on no other copy`, async () => {
  const copy = (await import(/* @vite-ignore */ expected)) as typeof db;
  expect(db.createCollection).toBe(copy.createCollection);
  expect(db.createTransaction).toBe(copy.createTransaction);
});

it("the offline executor makes its transactions with the same copy", async () => {
  const executor = await startExecutor({ mutationFns: { nothing: async () => undefined } });
  const offline = executor.createOfflineTransaction({
    mutationFnName: "nothing",
    autoCommit: false,
  });
  let ambient: unknown;
  const transaction = offline.mutate(() => (ambient = db.getActiveTransaction()));
  expect(ambient).toBe(transaction); // the stack of ambient transactions is a module's own
});

it("what package.json promises begins and ends with what is tested", () => {
  const [lowest, newest] = [versionOf("tanstack-db-lowest"), versionOf("tanstack-db-newest")];
  expect(packageJson.peerDependencies["@tanstack/db"]).toBe(`>=${lowest} <1.0.0`);
  expect(newest.localeCompare(lowest, undefined, { numeric: true })).toBe(1);
});
