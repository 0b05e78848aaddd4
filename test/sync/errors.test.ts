import { createTransaction } from "@tanstack/db";
import { defineFields } from "convex-replicate/fields";
import { convexCollectionOptions, ReplicateError } from "convex-replicate/client";
import { v } from "convex/values";
import { describe, expect, it } from "vitest";
import { api } from "./app/convex/_generated/api.js";
import { taskFields } from "./app/convex/fields.js";
import { converged, eventually, openDevice, rowsOf, startApp, tableOf, task } from "./harness.js";

const nowhere = { url: "http://127.0.0.1:9" };

/** What a write threw at once. */
function refusalOf(write: () => unknown) {
  try {
    write();
  } catch (error) {
    expect(error).toBeInstanceOf(ReplicateError);
    const { code, message } = error as ReplicateError;
    return { code, message };
  }
  return null;
}

describe("a local write that cannot be stored", () => {
  it.each([
    ["a Date", { title: new Date() }, "INVALID_VALUE", /getTime/],
    ["a class instance", { details: new URL("http://x") }, "INVALID_VALUE", /URL/],
    ["undefined in an array", { tags: ["a", undefined] }, "INVALID_VALUE", /tags\[1\]/],
    ["a view of bytes", { data: new Uint8Array(2) }, "INVALID_VALUE", /ArrayBuffer/],
    ["a key with a dollar", { ratings: { $x: 1 } }, "INVALID_VALUE", /\$x/],
    ["a key outside ASCII", { ratings: { naïve: 1 } }, "INVALID_VALUE", /ASCII/],
    [
      "a key named __proto__",
      { ratings: JSON.parse('{"__proto__": 1}') },
      "INVALID_VALUE",
      /__proto__/,
    ],
    ["an integer beyond 64 bits", { big: 2n ** 63n }, "INVALID_VALUE", /64 bits/],
    ["a value the validator refuses", { votes: "many" }, "INVALID_ROW", /votes/],
    ["a missing field", { title: undefined }, "INVALID_ROW", /title/],
    ["a field nobody declared", { colour: "red" }, "INVALID_ROW", /colour/],
    ["a row larger than Convex stores", { title: "x".repeat(1_100_000) }, "ROW_TOO_LARGE", /bytes/],
  ])("is refused at once: %s", (_name, fields, code, message) => {
    const device = openDevice(nowhere);
    const row = { ...task("t1"), ...(fields as object) };
    const refusal = refusalOf(() => device.tasks.insert(row));
    expect(refusal).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(rowsOf(device)).toEqual([]);
    expect(device.utils.status.get().pending).toBe(0);
  });

  it("is refused when the id is not the key, or none", () => {
    const device = openDevice(nowhere, { getKey: (row) => row.title });
    const refused = refusalOf(() => device.tasks.insert(task("t1")));
    expect(refused).toMatchObject({ code: "INVALID_OPTIONS" });
    const other = openDevice(nowhere);
    const empty = refusalOf(() => other.tasks.insert(task("")));
    expect(empty).toMatchObject({ code: "INVALID_ID" });
  });

  it("leaves the rest of its transaction unrecorded", () => {
    const device = openDevice(nowhere);
    const bad = task("bad", { votes: NaN, title: 5 as never });
    expect(refusalOf(() => device.tasks.insert([task("good"), bad]))).not.toBeNull();
    expect(rowsOf(device)).toEqual([]);
    expect(device.utils.status.get().pending).toBe(0);
  });
});

describe("a change that the server refuses", () => {
  it("goes back, is reported with its row, and can be discarded or sent again", async () => {
    const backend = await startApp();
    const rejected: unknown[] = [];
    const a = openDevice(backend, { onRejected: (one) => rejected.push(one) });
    a.tasks.insert(task("t1"));
    await converged(a);
    a.tasks.update("t1", (draft) => void (draft.title = "forbidden!"));
    a.tasks.insert(task("t2"));
    await eventually(() => expect(rejected).toHaveLength(1));
    expect(rejected).toMatchObject([
      {
        id: "t1",
        op: "update",
        code: "FORBIDDEN_TITLE",
        message: "That title is taken.",
        row: task("t1", { title: "forbidden!" }),
        base: task("t1"),
      },
    ]);
    expect(await converged(a)).toEqual([task("t1"), task("t2")]); // nothing else was held up
    expect(a.utils.status.get()).toMatchObject({ pending: 0, rejected: 1 });

    const [item] = a.utils.outbox.list();
    await a.utils.outbox.retry(item!.seq!);
    await eventually(() => expect(rejected).toHaveLength(2));
    await a.utils.outbox.discard(a.utils.outbox.list()[0]!.seq!);
    expect(a.utils.outbox.list()).toEqual([]);

    a.tasks.update("t1", (draft) => void (draft.title = "Fine"));
    expect(await converged(a)).toEqual([task("t1", { title: "Fine" }), task("t2")]);
  });

  it("takes no other change of the same document with it", async () => {
    const backend = await startApp();
    const a = openDevice(backend);
    a.tasks.insert(task("t1"));
    await converged(a);
    a.tasks.update("t1", (draft) => void (draft.votes = 3));
    a.tasks.update("t1", (draft) => void (draft.title = "forbidden"));
    a.tasks.update("t1", (draft) => void (draft.tags = ["kept"]));
    expect(await converged(a)).toEqual([task("t1", { votes: 3, tags: ["kept"] })]);
    expect(a.utils.status.get().rejected).toBe(1);
  });

  it("does not hold up others when a hook of the app breaks on it", async () => {
    const backend = await startApp();
    const a = openDevice(backend);
    a.tasks.insert([task("t1"), task("t2", { title: "broken" }), task("t3")]);
    await eventually(async () =>
      expect((await tableOf(a)).map(({ id }) => id)).toEqual(["t1", "t3"]),
    );
    await eventually(() => expect(a.utils.status.get()).toMatchObject({ pending: 1, rejected: 0 }));
    expect(a.tasks.has("t2")).toBe(true); // it may yet go through: nobody refused it
  });
});

describe("set-up mistakes", () => {
  it("says when the server's fields are others, and keeps local changes", async () => {
    const backend = await startApp();
    const fields = defineFields({ ...taskFields, colour: v.optional(v.string()) });
    const device = openDevice(backend, { fields: fields as never });
    device.tasks.insert(task("t1"));
    await eventually(() =>
      expect(device.utils.status.get()).toMatchObject({
        phase: "blocked",
        reason: { code: "FIELDS_MISMATCH" },
        pending: 1,
      }),
    );
    expect(await tableOf(device)).toEqual([]); // nothing is sent under other fields
  });

  it("says when there is no backend, and works all the same", async () => {
    const device = openDevice(nowhere);
    device.tasks.insert(task("t1"));
    await eventually(() =>
      expect(device.utils.status.get()).toMatchObject({
        phase: "offline",
        reason: { code: "UNREACHABLE" },
        complete: false,
        pending: 1,
      }),
    );
    await eventually(() => expect(device.tasks.status).toBe("ready"));
    expect(rowsOf(device)).toEqual([task("t1")]);
  });

  it("refuses the same collection with other options, and shares it with the same", async () => {
    const { client, storage } = openDevice(nowhere, { startSync: false });
    const again = (fields: object) =>
      convexCollectionOptions({
        convexClient: client,
        api: api.tasks,
        fields: fields as typeof taskFields,
        storage,
      });
    expect(() => again({ title: v.string() })).toThrow(/exists already, with other fields/);
    expect(() => again(taskFields)).not.toThrow();
  });
});

describe("a row with TanStack DB's own properties", () => {
  it("can be inserted again", async () => {
    const backend = await startApp();
    const a = openDevice(backend);
    a.tasks.insert(task("t1"));
    await converged(a);
    const row = a.tasks.get("t1")!;
    expect(Object.keys(row)).toContain("$synced");
    a.tasks.delete("t1");
    a.tasks.insert(row);
    expect(await converged(a)).toEqual([task("t1")]);
  });
});

describe("transactions made by hand", () => {
  it("are taken over by acceptMutations", async () => {
    const backend = await startApp();
    const a = openDevice(backend);
    const transaction = createTransaction({
      mutationFn: async ({ transaction }) => a.utils.acceptMutations(transaction),
    });
    transaction.mutate(() => {
      a.tasks.insert(task("t1"));
      a.tasks.insert(task("t2"));
    });
    await transaction.isPersisted.promise;
    expect(await converged(a)).toEqual([task("t1"), task("t2")]);
  });
});
