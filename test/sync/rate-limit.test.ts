import { expect, it } from "vitest";
import { api } from "./app/convex/_generated/api.js";
import {
  converged,
  eventually,
  openDevice,
  rowsOf,
  startApp,
  tableOf,
  task,
  type Device,
} from "./harness.js";

const limit = (device: Device, documents: number, retryAfterMs?: number) =>
  device.client.mutation(api.tasks.limitPushes, {
    documents,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });

it("what a server does not take now it gets later: nothing is lost, and nothing rejected", async () => {
  const backend = await startApp();
  const rejected: unknown[] = [];
  const [a, b] = [
    openDevice(backend, { onRejected: (one) => rejected.push(one) }),
    openDevice(backend),
  ];
  await converged(a, b);
  await limit(a, 0, 50);
  a.tasks.insert([task("t1"), task("t2")]);
  await eventually(() =>
    expect(a.utils.status.get()).toMatchObject({
      phase: "live",
      pending: 2,
      reason: { code: "RATE_LIMITED", message: "Too much at once." },
    }),
  );
  a.tasks.update("t1", (draft) => void (draft.title = "edited meanwhile"));
  b.tasks.insert(task("t3"));
  expect(await tableOf(a)).toEqual([]);
  await limit(a, 200);
  expect(await converged(a, b)).toEqual([
    task("t1", { title: "edited meanwhile" }),
    task("t2"),
    task("t3"),
  ]);
  expect(a.utils.status.get()).toMatchObject({ pending: 0, rejected: 0, reason: null });
  expect(rejected).toEqual([]);
});

it("gets through a limit that is smaller than what waits", async () => {
  const backend = await startApp();
  const a = openDevice(backend);
  await converged(a);
  await limit(a, 7, 1);
  const tasks = Array.from({ length: 60 }, (_, n) => task(`t${n + 10}`));
  a.tasks.insert(tasks);
  await converged(a);
  expect(rowsOf(a)).toEqual(tasks);
});
