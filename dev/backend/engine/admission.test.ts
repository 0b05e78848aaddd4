// @vitest-environment node
import { expect, it } from "vitest";
import { Admission } from "./admission.js";

/** Bodies that end when they are told to. */
function controlled(admission: Admission) {
  const entered: number[] = [];
  const ends: (() => void)[] = [];
  const run = (n: number) =>
    admission.run(() => {
      entered.push(n);
      return new Promise<void>((resolve) => (ends[n] = resolve));
    });
  return { entered, ends, run };
}

const soon = () => new Promise((resolve) => setImmediate(resolve));

it("lets in as many as it may, and the others in the order they came", async () => {
  const { entered, ends, run } = controlled(new Admission(2));
  const all = [0, 1, 2, 3].map(run);
  await soon();
  expect(entered).toEqual([0, 1]);
  ends[1]!();
  // Comes while a place changes hands: still behind those who wait.
  all.push(run(4));
  await soon();
  expect(entered).toEqual([0, 1, 2]);
  for (const next of [0, 2, 3, 4]) {
    ends[next]!();
    await soon();
  }
  await Promise.all(all);
  expect(entered).toEqual([0, 1, 2, 3, 4]);
});

it("gives the place of one that throws to the next, and is free again afterwards", async () => {
  const admission = new Admission(1);
  const broken = admission.run(() => Promise.reject(new Error("broken")));
  const next = admission.run(() => Promise.resolve("next"));
  await expect(broken).rejects.toThrow("broken");
  expect(await next).toBe("next");
  expect(await admission.run(() => Promise.resolve("later"))).toBe("later");
});
