import { createTransaction as ours } from "@tanstack/db";
import { expect, it } from "vitest";
import { converged, task, twoDevices } from "./setup.js";

/** What a second copy of TanStack DB brings, e.g. one that another package depends on. */
const OTHER = process.env.TANSTACK_DB === "tanstack-db-lowest" ? "newest" : "lowest";

it("a transaction of another copy of TanStack DB takes nothing: writes go the usual way, once", async () => {
  const other = (await import(/* @vite-ignore */ `tanstack-db-${OTHER}`)) as {
    createTransaction: typeof ours;
  };
  expect(other.createTransaction).not.toBe(ours);
  const { a, b } = await twoDevices();
  a.tasks.insert(task("t1"));
  await converged(a, b);
  const transaction = other.createTransaction({
    mutationFn: async ({ transaction }) => a.utils.acceptMutations(transaction),
  });
  transaction.mutate(() => a.tasks.update("t1", (draft) => void (draft.votes += 1)));
  expect(transaction.mutations).toEqual([]);
  expect(await converged(a, b)).toEqual([task("t1", { votes: 1 })]);
});
