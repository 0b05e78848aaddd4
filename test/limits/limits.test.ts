import { expect, it } from "vitest";
import { MAX_PUSH_DOCUMENTS } from "../../src/shared/limits.js";
import { FIELDS_PART, loadPart, mintExactly } from "../../src/shared/plain-part.js";
import { toArrayBuffer } from "../../src/shared/values.js";
import { api } from "../sync/app/convex/_generated/api.js";
import {
  converged,
  eventually,
  openDevice,
  rowsOf,
  startApp,
  task,
  type Device,
} from "../sync/harness.js";

const KB = 1024;
const bytes = (size: number) => new Uint8Array(size).fill(7).buffer;
const many = (count: number, fields = {}) =>
  Array.from({ length: count }, (_, n) => task(`t${String(n).padStart(5, "0")}`, fields));

/** Pushes tasks as a client does that has a fast disk. */
async function seed({ client }: Device, tasks: ReturnType<typeof many>) {
  const sender = { secret: "5".repeat(32), pageIds: ["seed"], identity: null };
  for (let from = 0; from < tasks.length; from += MAX_PUSH_DOCUMENTS) {
    const changes = tasks.slice(from, from + MAX_PUSH_DOCUMENTS).map(({ id, ...fields }) => {
      const writes = new Map<string, never>([["", {} as never], ...(Object.entries(fields) as [])]);
      const update = toArrayBuffer(mintExactly(loadPart([]), writes, 1_000)!);
      const parts = [{ part: FIELDS_PART, update }];
      return { document: id, generation: 1, op: "insert" as const, parts };
    });
    await client.mutation(api.tasks.push, { sender, changes });
  }
}

/** Longer than the harness waits: megabytes take their time on a busy machine. */
const WAIT = { timeout: 120_000, interval: 200 };

it("a new device loads 10,000 documents", async () => {
  const backend = await startApp();
  const a = openDevice(backend);
  const tasks = many(10_000);
  await seed(a, tasks);
  const b = openDevice(backend);
  await expect.poll(() => b.utils.status.get().complete && b.tasks.size, WAIT).toBe(10_000);
  expect(rowsOf(b)).toEqual(tasks);
});

it("500 documents that are inserted at once go in pushes that the server takes", async () => {
  const backend = await startApp();
  const a = openDevice(backend);
  await converged(a);
  await a.client.mutation(api.tasks.limitPushes, {
    documents: MAX_PUSH_DOCUMENTS,
    retryAfterMs: 1e9,
  });
  const tasks = many(500);
  a.tasks.insert(tasks);
  expect(await converged(a)).toEqual(tasks);
});

it("100 documents that are pushed together and grow to 200 KB each reach a new device, and one that was away", async () => {
  const backend = await startApp();
  const [a, away] = [openDevice(backend), openDevice(backend)];
  a.tasks.insert(many(100));
  await converged(a, away);
  away.network.cut();
  const ids = many(100).map(({ id }) => id);
  a.tasks.update(ids, (drafts) => {
    for (const draft of drafts) draft.data = bytes(200 * KB);
  });
  const grown = many(100, { data: bytes(200 * KB) });
  await expect.poll(() => a.utils.status.get().pending, WAIT).toBe(0);
  expect(a.utils.status.get().rejected).toBe(0);
  away.network.restore();
  const fresh = openDevice(backend);
  for (const device of [fresh, away]) {
    const sizes = () => rowsOf(device).filter(({ data }) => data?.byteLength === 200 * KB).length;
    await expect.poll(sizes, WAIT).toBe(100);
    await eventually(() => expect(device.utils.status.get().phase).toBe("live"));
    expect(rowsOf(device)).toEqual(grown);
  }
});

it("100 documents of 180 KB that are inserted at once are split, and all arrive", async () => {
  const backend = await startApp();
  const a = openDevice(backend);
  await converged(a);
  const tasks = many(100, { data: bytes(180 * KB) });
  a.tasks.insert(tasks);
  await expect.poll(() => a.utils.status.get().pending, WAIT).toBe(0);
  expect(a.utils.status.get().rejected).toBe(0);
  const b = openDevice(backend);
  await expect.poll(() => b.utils.status.get().complete && b.tasks.size, WAIT).toBe(100);
  expect(rowsOf(b)).toEqual(tasks);
});
