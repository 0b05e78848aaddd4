import {
  createCollection,
  createOptimisticAction,
  createTransaction,
  localOnlyCollectionOptions,
} from "@tanstack/db";
import { describe, expect, it } from "vitest";
import { converged, eventually, rowsOf, task, twoDevices, type Device } from "./setup.js";

/** A transaction whose mutations `device` takes over when it is committed. */
const transactionOf = ({ tasks }: Device, autoCommit = true) =>
  createTransaction({
    autoCommit,
    mutationFn: async ({ transaction }) => tasks.utils.acceptMutations(transaction),
  });

describe("createTransaction", () => {
  it("carries inserts, edits and removals to everyone, as one", async () => {
    const { a, b } = await twoDevices();
    a.tasks.insert([task("t1"), task("t2")]);
    await converged(a, b);
    const transaction = transactionOf(a).mutate(() => {
      a.tasks.insert(task("t3"));
      a.tasks.update("t1", (draft) => void (draft.title = "edited"));
      a.tasks.delete("t2");
    });
    const rows = [task("t1", { title: "edited" }), task("t3")];
    expect(rowsOf(a)).toEqual(rows);
    await transaction.when("settled");
    expect(rowsOf(a)).toEqual(rows); // nothing flickers when the handler is done
    expect(await converged(a, b)).toEqual(rows);
  });

  it("that waits to be committed lets remote changes in meanwhile, and merges with them", async () => {
    const { a, b } = await twoDevices();
    a.tasks.insert(task("t1"));
    await converged(a, b);
    const transaction = transactionOf(a, false);
    transaction.mutate(() => a.tasks.update("t1", (draft) => void (draft.title = "from a")));
    b.tasks.update("t1", (draft) => void (draft.votes = 5));
    b.tasks.insert(task("t2"));
    await eventually(() => expect(a.tasks.has("t2")).toBe(true));
    expect(a.utils.outbox.list()).toEqual([]); // not committed, not ours yet
    await transaction.commit();
    expect(await converged(a, b)).toEqual([task("t1", { title: "from a", votes: 5 }), task("t2")]);
  });

  it("that is rolled back leaves no trace", async () => {
    const { a, b } = await twoDevices();
    a.tasks.insert(task("t1"));
    await converged(a, b);
    const transaction = transactionOf(a, false);
    transaction.mutate(() => {
      a.tasks.delete("t1");
      a.tasks.insert(task("t2"));
    });
    expect(rowsOf(a)).toEqual([task("t2")]);
    transaction.rollback();
    await transaction.when("settled").catch(() => undefined);
    expect(rowsOf(a)).toEqual([task("t1")]);
    expect(a.utils.outbox.list()).toEqual([]);
    expect(await converged(a, b)).toEqual([task("t1")]);
  });

  it("merges changes of one document into what they come to", async () => {
    const { a, b } = await twoDevices();
    const transaction = transactionOf(a, false);
    transaction.mutate(() => a.tasks.insert(task("t1")));
    transaction.mutate(() => a.tasks.update("t1", (draft) => void (draft.votes = 1)));
    transaction.mutate(() => a.tasks.insert(task("gone")));
    transaction.mutate(() => a.tasks.delete("gone"));
    await transaction.commit();
    expect(await converged(a, b)).toEqual([task("t1", { votes: 1 })]);
  });
});

describe("a transaction over several collections", () => {
  const drafts = () =>
    createCollection(
      localOnlyCollectionOptions<{ id: string; text: string }, string>({
        id: "drafts",
        getKey: ({ id }) => id,
      }),
    );

  it("each collection takes its own mutations, and leaves the others'", async () => {
    const { a, b } = await twoDevices();
    const notes = drafts();
    const transaction = createTransaction({
      mutationFn: async ({ transaction }) => {
        a.utils.acceptMutations(transaction);
        notes.utils.acceptMutations(transaction as never);
      },
    });
    transaction.mutate(() => {
      a.tasks.insert(task("t1"));
      notes.insert({ id: "n1", text: "a note" });
    });
    await transaction.when("settled");
    expect([...notes.keys()]).toEqual(["n1"]);
    expect(await converged(a, b)).toEqual([task("t1")]);
    expect(a.tasks.has("n1")).toBe(false);
  });

  it("with nothing of ours in it is none of our business", async () => {
    const { a } = await twoDevices();
    const notes = drafts();
    const transaction = createTransaction({
      mutationFn: async ({ transaction }) => a.utils.acceptMutations(transaction),
    });
    transaction.mutate(() => notes.insert({ id: "n1", text: "a note" }));
    await transaction.when("settled");
    expect(a.utils.outbox.list()).toEqual([]);
  });

  it("keeps mutations of the same ids apart", async () => {
    // TanStack DB tells rows of a transaction apart by the collection's id and the row's key.
    const [one, two] = [await twoDevices({ id: "one" }), await twoDevices({ id: "two" })];
    const transaction = createTransaction({
      mutationFn: async ({ transaction }) => {
        one.a.utils.acceptMutations(transaction);
        two.a.utils.acceptMutations(transaction);
      },
    });
    transaction.mutate(() => {
      one.a.tasks.insert(task("t1", { title: "one" }));
      two.a.tasks.insert(task("t1", { title: "two" }));
    });
    await transaction.when("settled");
    expect(await converged(one.a, one.b)).toEqual([task("t1", { title: "one" })]);
    expect(await converged(two.a, two.b)).toEqual([task("t1", { title: "two" })]);
  });
});

describe("a mutationFn that throws", () => {
  const failing = (device: Device, when: "before" | "after") =>
    createTransaction({
      mutationFn: async ({ transaction }) => {
        if (when === "before") throw new Error("the app's own call failed");
        device.utils.acceptMutations(transaction);
        throw new Error("the app's own call failed");
      },
    }).mutate(() => {
      device.tasks.insert(task("t2"));
      device.tasks.update("t1", (draft) => void (draft.title = "edited"));
    });

  it("before acceptMutations rolls everything back", async () => {
    const { a, b } = await twoDevices();
    a.tasks.insert(task("t1"));
    await converged(a, b);
    await expect(failing(a, "before").when("settled")).rejects.toThrow("own call");
    expect(rowsOf(a)).toEqual([task("t1")]);
    expect(await converged(a, b)).toEqual([task("t1")]);
  });

  it("after acceptMutations takes nothing back: what was accepted is shown and sent", async () => {
    const { a, b } = await twoDevices();
    a.tasks.insert(task("t1"));
    await converged(a, b);
    await expect(failing(a, "after").when("settled")).rejects.toThrow("own call");
    const rows = [task("t1", { title: "edited" }), task("t2")];
    expect(rowsOf(a)).toEqual(rows);
    expect(await converged(a, b)).toEqual(rows);
  });

  it("because one row cannot be stored accepts none of them", async () => {
    const { a, b } = await twoDevices();
    const transaction = transactionOf(a, false);
    const write = () =>
      transaction.mutate(() => {
        a.tasks.insert(task("good"));
        a.tasks.insert(task("bad", { title: 5 as never }));
      });
    expect(write).toThrow(expect.objectContaining({ code: "INVALID_ROW" }));
    transaction.rollback();
    await transaction.when("settled").catch(() => undefined);
    expect(rowsOf(a)).toEqual([]);
    expect(await converged(a, b)).toEqual([]);
  });
});

describe("transactions within transactions", () => {
  it("the inner one takes what is written in it, and the outer one the rest", async () => {
    const { a, b } = await twoDevices();
    const [outer, inner] = [transactionOf(a, false), transactionOf(a, false)];
    outer.mutate(() => {
      a.tasks.insert(task("outer1"));
      inner.mutate(() => void a.tasks.insert(task("inner")));
      a.tasks.insert(task("outer2"));
    });
    await inner.commit();
    await eventually(() => expect(rowsOf(b)).toEqual([task("inner")]));
    outer.rollback();
    await outer.when("settled").catch(() => undefined);
    expect(await converged(a, b)).toEqual([task("inner")]);
  });

  it("one that is accepted twice takes effect once", async () => {
    const { a, b } = await twoDevices();
    a.tasks.insert(task("t1"));
    await converged(a, b);
    const transaction = createTransaction({
      mutationFn: async ({ transaction }) => {
        a.utils.acceptMutations(transaction);
        a.utils.acceptMutations(transaction);
      },
    }).mutate(() => a.tasks.update("t1", (draft) => void (draft.votes += 1)));
    await transaction.when("settled");
    expect(await converged(a, b)).toEqual([task("t1", { votes: 1 })]);
  });
});

describe("createOptimisticAction", () => {
  it("shows at once, and reaches everyone", async () => {
    const { a, b } = await twoDevices();
    const addTask = createOptimisticAction<string>({
      onMutate: (title) => void a.tasks.insert(task("t1", { title })),
      mutationFn: async (_title, { transaction }) => a.utils.acceptMutations(transaction),
    });
    const transaction = addTask("by an action");
    expect(a.tasks.get("t1")).toMatchObject({ title: "by an action" });
    await transaction.when("settled");
    expect(await converged(a, b)).toEqual([task("t1", { title: "by an action" })]);
  });

  it("whose mutationFn is slow hides nobody's work for good", async () => {
    const { a, b } = await twoDevices();
    let finish = () => {};
    const gate = new Promise<void>((resolve) => (finish = resolve));
    const addTask = createOptimisticAction<string>({
      onMutate: (title) => void a.tasks.insert(task("t1", { title })),
      mutationFn: async (_title, { transaction }) => {
        a.utils.acceptMutations(transaction);
        await gate;
      },
    });
    const transaction = addTask("slow");
    b.tasks.insert(task("t2"));
    // Sent although the mutationFn is not done: it is in the outbox since acceptMutations.
    await eventually(() => expect(b.tasks.has("t1")).toBe(true));
    finish();
    await transaction.when("settled");
    expect(await converged(a, b)).toEqual([task("t1", { title: "slow" }), task("t2")]);
  });
});
