import { isDeepStrictEqual } from "node:util";
import { anyApi, type GenericMutationCtx } from "convex/server";
import { ConvexError } from "convex/values";
import { describe, expect, it, vi } from "vitest";
import type { ComponentApi } from "../component/_generated/component.js";
import { loadPart, mintExactly } from "../shared/plain-part.js";
import type { Change } from "../shared/wire.js";
import type { RowChange } from "./index.js";
import { targetFrom } from "./options.js";
import { applyPush } from "./push.js";
import {
  accepted,
  api,
  changeOf,
  Device,
  expectEverywhere,
  newApp,
  nothingOf,
  push,
  pushFrom,
  rejected,
  sender,
  sharedTask,
  storedRow,
  streamAll,
  taskFields,
  type AppModel,
  type TaskHooks,
} from "./setup.test.js";

const bytesOf = (writes: Record<string, string | undefined>, clientId: number) =>
  mintExactly(loadPart([]), new Map(Object.entries(writes)), clientId)!;

type TaskChange = RowChange<typeof taskFields>;

const refuseTitle = (title: string, data: unknown): TaskHooks => ({
  evalWrite: (_ctx, { next }) => {
    if (next?.title === title) throw new ConvexError(data as string);
  },
});

describe("evalWrite", () => {
  it("refuses single documents with its own code and message, and leaves no trace", async () => {
    const app = newApp(refuseTitle("bad", { code: "RUDE", message: "Please be kind." }));
    const ann = new Device(7);
    const results = await push(
      app,
      ann.insert("a", { title: "bad" }),
      ann.insert("b", { title: "good" }),
    );
    expect(results).toEqual([
      { status: "rejected", code: "RUDE", message: "Please be kind." },
      accepted,
    ]);
    await expectEverywhere(app, "a", null);
    expect((await streamAll(app)).map((entry) => entry.document)).toEqual(["b"]);
  });

  it.each([
    ["Not today.", { code: "REFUSED", message: "Not today." }],
    [{ code: 5 }, { code: "REFUSED", message: "The server refused the change." }],
    [{ message: "No." }, { code: "REFUSED", message: "No." }],
    [null, { code: "REFUSED", message: "The server refused the change." }],
  ])("may throw %j", async (data, answer) => {
    const app = newApp(refuseTitle("bad", data));
    const [result] = await push(app, new Device(7).insert("a", { title: "bad" }));
    expect(result).toEqual({ status: "rejected", ...answer });
  });

  it("fails the whole push when it breaks", async () => {
    const app = newApp({
      evalWrite: (_ctx, { id }) => {
        if (id === "b") throw new TypeError("oops");
      },
    });
    const ann = new Device(7);
    const both = [ann.insert("a", { title: "t" }), ann.insert("b", { title: "t" })];
    await expect(push(app, ...both)).rejects.toThrow("oops");
    await expectEverywhere(app, "a", null);
  });

  it("runs for all documents before any is written", async () => {
    const seen: unknown[] = [];
    const app = newApp({
      evalWrite: async (ctx, { id }) => {
        seen.push([id, (await ctx.db.query("tasks").collect()).length]);
      },
    });
    const ann = new Device(7);
    await push(app, ann.insert("a", { title: "t" }), ann.insert("b", { title: "t" }));
    expect(seen).toEqual([
      ["a", 0],
      ["b", 0],
    ]);
  });

  it("is asked also about what adds to the history and not to the row, and can refuse it", async () => {
    const unseen: TaskHooks = {
      evalWrite: (_ctx, { prev, next }) => {
        if (isDeepStrictEqual(prev, next)) throw new ConvexError("You may change nothing.");
      },
    };
    const { app, devices } = await sharedTask([7, 8], { title: "t", votes: { ann: 1 } }, unseen);
    const again = bytesOf({ title: "t" }, 66);
    const removal = bytesOf({ "votes/nobody": undefined }, 67);
    for (const update of [again, removal]) {
      expect(await push(app, changeOf("update", "a", update))).toEqual([rejected("REFUSED")]);
    }
    expect(await streamAll(app)).toHaveLength(1);
    expect(await push(app, devices[0].update("a", { title: "T" }))).toEqual([accepted]);
  });

  it("has no means to write", async () => {
    const contexts: Record<string, unknown>[] = [];
    const app = newApp({ evalWrite: (ctx) => void contexts.push({ ...ctx }) });
    await push(app, new Device(7).insert("a", { title: "t" }));
    const [ctx] = contexts;
    expect(Object.keys(ctx!).sort()).toEqual(["auth", "db", "meta", "runQuery", "storage"]);
    expect(Object.keys(ctx!["db"] as object).sort()).toEqual([
      "get",
      "normalizeId",
      "query",
      "system",
    ]);
    expect(Object.keys(ctx!["storage"] as object).sort()).toEqual(["getMetadata", "getUrl"]);
  });
});

describe("hooks see exactly what is stored", () => {
  it("with the operation derived from the state, not from what the client says", async () => {
    const seen: TaskChange[] = [];
    const record = (_ctx: unknown, change: TaskChange) => void seen.push(change);
    const app = newApp({ evalWrite: record, onInsert: record, onUpdate: record, onRemove: record });
    const [ann, bob] = [new Device(7), new Device(8)];
    await push(app, ann.insert("a", { title: "t", details: { due: "d" } }));
    const first = { id: "a", title: "t", details: { due: "d" } };
    // Bob calls it an insert, but the document is there.
    await push(app, bob.insert("a", { title: "u" }));
    const second = { ...first, title: "u" };
    await push(app, ann.remove("a"));
    expect(seen).toEqual([
      { op: "insert", id: "a", prev: null, next: first },
      { op: "insert", id: "a", prev: null, next: first },
      { op: "update", id: "a", prev: first, next: second },
      { op: "update", id: "a", prev: first, next: second },
      { op: "remove", id: "a", prev: second, next: null },
      { op: "remove", id: "a", prev: second, next: null },
    ]);
  });

  it("and an on-hook finds the row written", async () => {
    const rows: unknown[] = [];
    const app = newApp({
      onInsert: async (ctx, { next }) => {
        const row = await ctx.db.query("tasks").unique();
        rows.push([row!.title, next.title]);
      },
    });
    await push(app, new Device(7).insert("a", { title: "t" }));
    expect(rows).toEqual([["t", "t"]]);
  });
});

describe("an on-hook", () => {
  it("that throws undoes the whole push, its own writes too", async () => {
    const app = newApp({
      onInsert: async (ctx, { id }) => {
        await ctx.db.insert("audit", { line: id });
        if (id === "b") throw new ConvexError("no room");
      },
    });
    const ann = new Device(7);
    const both = [ann.insert("a", { title: "t" }), ann.insert("b", { title: "t" })];
    await expect(push(app, ...both)).rejects.toThrow("no room");
    expect(await streamAll(app)).toEqual([]);
    expect(await app.run((ctx) => ctx.db.query("audit").collect())).toEqual([]);
    expect(await push(app, both[0]!)).toEqual([accepted]);
  });

  it("finds the log written, so that a push it makes builds on it", async () => {
    const live: boolean[] = [];
    const app = newApp({
      onInsert: async (ctx, { id }) => {
        const args = { part: "fields", documents: [nothingOf(id)] };
        const { documents } = await ctx.runQuery(api.tasks.recover, args);
        live.push(documents[0]!.live);
      },
    });
    await push(app, new Device(7).insert("a", { title: "t" }));
    expect(live).toEqual([true]);
  });

  it("that edits another document of the same push does not lose its edit", async () => {
    const app = newApp({
      onInsert: async (ctx, { id }) => {
        const parent = await ctx.db
          .query("tasks")
          .withIndex("by_doc_id", (q) => q.eq("id", "parent"))
          .unique();
        if (parent && id !== "parent") {
          await ctx.db.patch("tasks", parent._id, { data: (parent.data as number) + 1 });
        }
      },
    });
    const ann = new Device(7);
    await push(app, ann.insert("parent", { title: "p", data: 0 }));
    const edit = ann.update("parent", { title: "P" });
    await push(app, ann.insert("child", { title: "c" }), edit);
    expect(await storedRow(app, "parent")).toEqual({ title: "P", data: 1 });
    await ann.pull(app);
    await push(app, ann.update("parent", { done: true }));
    await expectEverywhere(app, "parent", { title: "P", data: 1, done: true });
  });
});

/** Pushes to an app of which every look at its database, or at the log, is told to `look`. */
function pushToNothing(look: () => void, hooks: TaskHooks) {
  const component = anyApi["replicate"] as unknown as ComponentApi;
  const target = targetFrom(component, "tasks", { fields: taskFields, ...hooks });
  const nothing = { get: look, query: look, normalizeId: look, getUrl: look, getMetadata: look };
  const ctx = {
    auth: { getUserIdentity: () => Promise.resolve(null) },
    ...{ db: nothing, storage: nothing, runQuery: look, runMutation: look },
  } as unknown as GenericMutationCtx<AppModel>;
  return (change: Change) => applyPush(ctx, target, sender, [change]);
}

describe("evalRead", () => {
  const closed: TaskHooks = {
    evalRead: async (ctx) => {
      if ((await ctx.auth.getUserIdentity()) === null) {
        throw new ConvexError({ code: "SIGNED_OUT", message: "Sign in first." });
      }
    },
  };

  it("guards every query", async () => {
    const app = newApp(closed);
    const paginationOpts = { numItems: 1, cursor: null };
    for (const query of [
      () => app.query(api.tasks.stream, { cursor: null }),
      () => app.query(api.tasks.stream, { cursor: null, rows: true }),
      () => app.query(api.tasks.material, { paginationOpts }),
      () => app.query(api.tasks.recover, { part: "fields", documents: [nothingOf("a")] }),
    ]) {
      await expect(query()).rejects.toThrow("SIGNED_OUT");
    }
    const ann = app.withIdentity({ name: "ann" });
    expect((await ann.query(api.tasks.stream, { cursor: null })).done).toBe(true);
  });

  it("guards every write, and tells who may not read nothing about what is there", async () => {
    const app = newApp(closed);
    const ann = app.withIdentity({ name: "ann" });
    const { identity } = await ann.query(api.tasks.protocol, {});
    const device = new Device(7);
    const insert = device.insert("a", { title: "t" });
    await pushFrom(ann, { ...sender, identity }, insert);
    const update = device.update("a", { title: "u" });
    const changes = [
      insert,
      update,
      { ...update, document: "none" },
      device.remove("a"),
      { ...insert, parts: [] },
    ];
    const refused = { status: "rejected", code: "SIGNED_OUT", message: "Sign in first." };
    for (const change of changes) expect(await push(app, change)).toEqual([refused]);
    await expectEverywhere(ann, "a", { title: "t" });
  });

  it("guards every single mutation", async () => {
    const app = newApp(closed);
    const { document, generation, parts } = new Device(7).insert("a", { title: "t" });
    const args = { sender, document, generation };
    for (const result of [
      await app.mutation(api.tasks.insert, { ...args, parts }),
      await app.mutation(api.tasks.update, { ...args, parts }),
      await app.mutation(api.tasks.remove, args),
    ]) {
      expect(result).toEqual(rejected("SIGNED_OUT"));
    }
  });

  it.each(["insert", "update", "remove"] as const)(
    "is asked before an %s reads anything",
    async (op) => {
      const look = vi.fn();
      const push = pushToNothing(look, { evalRead: () => Promise.reject(new ConvexError("No.")) });
      const change: Change = { ...new Device(7).insert("a", { title: "t" }), op };
      expect(await push(change)).toEqual([{ document: "a", result: rejected("REFUSED") }]);
      expect(look).not.toHaveBeenCalled();
      await expect(pushToNothing(look, {})(change)).rejects.toThrow();
      expect(look).toHaveBeenCalled();
    },
  );

  it("runs once however many documents a push has, with the scope", async () => {
    const scopes: string[] = [];
    const app = newApp({ evalRead: (_ctx, { scope }) => void scopes.push(scope) });
    const ann = new Device(7);
    await push(app, ann.insert("a", { title: "t" }), ann.insert("b", { title: "t" }));
    expect(scopes).toEqual([""]);
  });
});

it("a refused change can be made again in another form", async () => {
  const app = newApp(refuseTitle("bad", "No."));
  const ann = new Device(7);
  await push(app, ann.insert("a", { title: "t" }));
  expect(await push(app, ann.update("a", { title: "bad" }))).toEqual([rejected("REFUSED")]);
  await ann.pull(app);
  expect(await push(app, ann.update("a", { title: "good" }))).toEqual([accepted]);
});
