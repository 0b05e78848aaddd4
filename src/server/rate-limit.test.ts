import { ConvexError } from "convex/values";
import { expect, it } from "vitest";
import type { PushDemand } from "./index.js";
import { ReplicateError } from "./index.js";
import {
  accepted,
  api,
  Device,
  expectEverywhere,
  newApp,
  push,
  pushFrom,
  senderOf,
  type TaskHooks,
} from "./setup.test.js";

const broken = { document: "b", generation: 1, op: "insert" as const };
const noUpdate = [{ part: "fields", update: new ArrayBuffer(10) }];

it("is asked once a push, before anything is decoded or another hook runs", async () => {
  const asked: (PushDemand | string)[] = [];
  const app = newApp({
    rateLimit: (_ctx, demand) => void asked.push(demand),
    evalRead: () => void asked.push("evalRead"),
  });
  const good = new Device(7).insert("a", { title: "t" });
  await push(app, good, { ...broken, parts: noUpdate });
  const bytes = good.parts[0]!.update.byteLength + 10;
  expect(asked).toEqual([{ identity: null, bytes, documents: 2 }, "evalRead"]);
});

it("is asked for single changes, too, and told who is signed in as the protocol names them", async () => {
  const asked: PushDemand[] = [];
  const app = newApp({ rateLimit: (_ctx, demand) => void asked.push(demand) });
  const ann = app.withIdentity({ tokenIdentifier: "ann" });
  const { identity } = await ann.query(api.tasks.protocol, {});
  const from = senderOf("1", { identity });
  const change = new Device(7).insert("a", { title: "t" });
  await pushFrom(ann, from, change);
  await ann.mutation(api.tasks.remove, { sender: from, document: "a", generation: 1 });
  const bytes = change.parts[0]!.update.byteLength;
  expect(asked).toEqual([
    { identity, bytes, documents: 1 },
    { identity, bytes: 0, documents: 1 },
  ]);
  expect(identity).not.toBeNull();
});

/** What clients are told when the hook throws so. */
async function refusalOf(error: Error): Promise<unknown> {
  const rateLimit: TaskHooks["rateLimit"] = async (ctx) => {
    await ctx.db.insert("audit", { line: "tried" });
    throw error;
  };
  const app = newApp({ rateLimit });
  const change = new Device(7).insert("a", { title: "t" });
  const refusal: unknown = await push(app, change).catch((reason: unknown) => reason);
  await expectEverywhere(app, "a", null);
  expect(await app.run((ctx) => ctx.db.query("audit").collect())).toEqual([]);
  return (refusal as { data?: unknown }).data ?? refusal;
}

it.each<[string, Error, object]>([
  ["a message", new ConvexError("Slow down."), { message: "Slow down." }],
  ["a code of its own", new ConvexError({ code: "BUSY", message: "Busy." }), { message: "Busy." }],
  ["an error of ours", new ReplicateError("REFUSED", "Too many."), { message: "Too many." }],
  [
    "when to come back",
    new ConvexError({ message: "Later.", retryAfterMs: 5_000 }),
    { message: "Later.", retryAfterMs: 5_000 },
  ],
  [
    "what @convex-dev/rate-limiter throws",
    new ConvexError({ kind: "RateLimited", name: "push", retryAfter: 250.5 }),
    { message: "The server refused the change.", retryAfterMs: 250.5 },
  ],
  ["nonsense", new ConvexError({ message: "No.", retryAfterMs: -5 }), { message: "No." }],
])("refuses the push as RATE_LIMITED, whatever it throws: %s", async (_what, error, told) => {
  expect(await refusalOf(error)).toEqual({ code: "RATE_LIMITED", ...told });
});

it("fails the push when it breaks", async () => {
  expect(String(await refusalOf(new TypeError("oops")))).toContain("oops");
});

it("keeps what it counts with the push it let through, and only then", async () => {
  const app = newApp({
    rateLimit: async (ctx, { documents }) => {
      const used = await ctx.db.query("audit").collect();
      if (used.length + documents > 2) throw new ConvexError("Enough.");
      for (let n = 0; n < documents; n++) await ctx.db.insert("audit", { line: "push" });
    },
  });
  const ann = new Device(7);
  const [a, b, c] = ["a", "b", "c"].map((id) => ann.insert(id, { title: id }));
  expect(await push(app, a!, b!)).toEqual([accepted, accepted]);
  await expect(push(app, c!)).rejects.toThrow("Enough.");
  expect(await app.run((ctx) => ctx.db.query("audit").collect())).toHaveLength(2);
});
