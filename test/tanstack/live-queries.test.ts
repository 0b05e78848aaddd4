import { BasicIndex, createLiveQueryCollection, eq } from "@tanstack/db";
import { describe, expect, it } from "vitest";
import { strip } from "../sync/harness.js";
import { converged, eventually, task, twoDevices } from "./setup.js";

const INDEXED = { autoIndex: "eager", defaultIndexType: BasicIndex } as const;

/** Every member of a query's result that ever was there, in the order of the events. */
function eventsOf(query: {
  subscribeChanges(
    callback: (changes: { type: string; value: object }[]) => void,
    options?: { includeInitialState?: boolean },
  ): unknown;
}) {
  const events: string[] = [];
  query.subscribeChanges(
    (changes) => {
      for (const { type, value } of changes) events.push(`${type} ${strip(value).id}`);
    },
    { includeInitialState: true },
  );
  return events;
}

describe("a live query", () => {
  it("follows local and remote changes, ordered and limited", async () => {
    const { a, b } = await twoDevices(INDEXED);
    const top = createLiveQueryCollection((q) =>
      q
        .from({ task: a.tasks })
        .orderBy(({ task }) => task.votes, "desc")
        .limit(2),
    );
    await top.preload();
    const titles = () => top.toArray.map(({ id }) => id);
    a.tasks.insert([task("t1", { votes: 1 }), task("t2", { votes: 2 }), task("t3", { votes: 3 })]);
    expect(titles()).toEqual(["t3", "t2"]);
    await converged(a, b);
    b.tasks.update("t1", (draft) => void (draft.votes = 9));
    await eventually(() => expect(titles()).toEqual(["t1", "t3"]));
    a.tasks.delete("t1");
    expect(titles()).toEqual(["t3", "t2"]);
    await converged(a, b);
    expect(titles()).toEqual(["t3", "t2"]);
    await top.cleanup();
  });

  it("never shows a row twice, nor without need: one event for each change, acceptance is none", async () => {
    const { a, b } = await twoDevices();
    const open = createLiveQueryCollection((q) =>
      q.from({ task: a.tasks }).where(({ task }) => eq(task.votes, 0)),
    );
    await open.preload();
    const events = eventsOf(open);
    a.tasks.insert(task("mine"));
    await converged(a, b);
    b.tasks.insert(task("theirs"));
    await converged(a, b);
    b.tasks.update("mine", (draft) => void (draft.votes = 1));
    await converged(a, b);
    const news = events.filter((event) => !event.startsWith("update"));
    expect(news).toEqual(["insert mine", "insert theirs", "delete mine"]);
    await open.cleanup();
  });

  it("joins two replicated collections while both sync", async () => {
    const [people, work] = [await twoDevices(INDEXED), await twoDevices(INDEXED)];
    const assigned = createLiveQueryCollection((q) =>
      q
        .from({ task: work.a.tasks })
        .innerJoin({ person: people.a.tasks }, ({ task, person }) => eq(task.title, person.id))
        .select(({ task, person }) => ({ id: task.id, name: person.title })),
    );
    await assigned.preload();
    const pairs = () =>
      assigned.toArray.map(({ id, name }) => `${id}: ${name}`).sort((x, y) => (x < y ? -1 : 1));
    work.b.tasks.insert([task("dig", { title: "ann" }), task("row", { title: "bob" })]);
    people.b.tasks.insert(task("ann", { title: "Ann" }));
    await eventually(() => expect(pairs()).toEqual(["dig: Ann"]));
    people.a.tasks.insert(task("bob", { title: "Bob" }));
    await eventually(() => expect(pairs()).toEqual(["dig: Ann", "row: Bob"]));
    people.b.tasks.update("ann", (draft) => void (draft.title = "Anna"));
    work.a.tasks.update("row", (draft) => void (draft.title = "ann"));
    await eventually(() => expect(pairs()).toEqual(["dig: Anna", "row: Anna"]));
    people.b.tasks.delete("ann");
    await eventually(() => expect(pairs()).toEqual([]));
    await assigned.cleanup();
  });
});
