import { describe, expect, it, vi } from "vitest";
import { collectionOf, fakeClient, type Config, type Tasks } from "./collection-setup.test.js";
import { PATIENTLY, taskFields } from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";

/** An app that keeps one collection per user, as the README's does. */
function appWithUsers(rest: Partial<Config> = {}) {
  const { client, pushed, server } = fakeClient();
  const collections = new Map<string, Tasks>();
  const create = (identity: string, more: Partial<Config> = {}) =>
    collectionOf(client, { identity, ...rest, ...more });
  const tasksOf = (identity: string) => {
    const tasks = collections.get(identity) ?? create(identity);
    collections.set(identity, tasks);
    return tasks;
  };
  /** Puts the collection of a user on screen; returns what takes it off. */
  const show = (identity: string) => {
    const subscription = tasksOf(identity).subscribeChanges(() => undefined);
    return () => subscription.unsubscribe();
  };
  const signIn = (identity: string) => void (server.identity = identity);
  return { pushed, create, tasksOf, show, signIn };
}

const phaseOf = (tasks: Tasks) => tasks.utils.status.get().phase;
const becomes = (tasks: Tasks, phase: string) =>
  vi.waitFor(() => expect(phaseOf(tasks)).toBe(phase), PATIENTLY);

describe("a collection for each user, kept while others are signed in", () => {
  it("goes on whenever it is on screen again, with what was left unsent", async () => {
    const { pushed, tasksOf, show, signIn } = appWithUsers();
    const rounds = ["ann", "bob", "ann", "bob", "ann"];
    for (const [round, user] of rounds.entries()) {
      signIn(user);
      const hide = show(user);
      await becomes(tasksOf(user), "live");
      const other = user === "ann" ? "bob" : "ann";
      if (round > 0) expect(phaseOf(tasksOf(other))).toBe("blocked");
      tasksOf(user).insert({ id: `${user}${round}`, title: "t" });
      await tasksOf(user).utils.flush();
      hide();
    }
    expect(pushed).toEqual(["ann0", "bob1", "ann2", "bob3", "ann4"]);
  });

  it("is stopped by nobody's collection that is only created", async () => {
    const { pushed, create, tasksOf, show, signIn } = appWithUsers();
    signIn("ann");
    show("ann");
    await becomes(tasksOf("ann"), "live");
    create("bob");
    tasksOf("ann").insert({ id: "a", title: "t" });
    await tasksOf("ann").utils.flush();
    expect(phaseOf(tasksOf("ann"))).toBe("live");
    expect(pushed).toEqual(["a"]);
  });

  it("that is only created loads and sends nothing while another one is in use", async () => {
    const { create, tasksOf, show, signIn } = appWithUsers();
    signIn("ann");
    show("ann");
    await becomes(tasksOf("ann"), "live");
    const bob = create("bob");
    const read = vi.fn(async () => []);
    void bob.utils.importOnce("elsewhere", read); // needs all that the server has
    await becomes(bob, "blocked");
    expect(bob.utils.status.get().reason).toMatchObject({ code: "IDENTITY_CHANGED" });
    expect(read).not.toHaveBeenCalled();
    expect(phaseOf(tasksOf("ann"))).toBe("live");
  });

  it("takes the turn by loading too: nothing has to be on screen", async () => {
    const { tasksOf, show, signIn } = appWithUsers();
    signIn("ann");
    show("ann")();
    await becomes(tasksOf("ann"), "live");
    signIn("bob");
    await tasksOf("bob").preload();
    await becomes(tasksOf("bob"), "live");
    expect(phaseOf(tasksOf("ann"))).toBe("blocked");
    await tasksOf("ann").cleanup();
    signIn("ann");
    await tasksOf("ann").preload();
    await becomes(tasksOf("ann"), "live");
    expect(phaseOf(tasksOf("bob"))).toBe("blocked");
  });

  it("does not fight with another one that is on screen beside it: the last to come syncs", async () => {
    const { tasksOf, show, signIn } = appWithUsers();
    signIn("ann");
    show("ann");
    await becomes(tasksOf("ann"), "live");
    show("bob")();
    signIn("bob");
    show("bob"); // React's strict mode comes, goes and comes
    await becomes(tasksOf("bob"), "live");
    const turns = vi.fn();
    for (const user of ["ann", "bob"]) tasksOf(user).utils.status.subscribe(turns);
    tasksOf("ann").insert({ id: "a", title: "t" });
    tasksOf("bob").insert({ id: "b", title: "t" });
    await tasksOf("bob").utils.flush();
    expect([phaseOf(tasksOf("ann")), phaseOf(tasksOf("bob"))]).toEqual(["blocked", "live"]);
    expect(turns.mock.calls.map(([{ phase }]) => phase as string)).not.toContain("loading");
    expect(tasksOf("ann").utils.status.get().pending).toBe(1);
  });

  it("refuses writes while someone else is signed in, and takes them at once when it is back", async () => {
    const { pushed, tasksOf, show, signIn } = appWithUsers();
    signIn("ann");
    const hide = show("ann");
    const ann = tasksOf("ann");
    await becomes(ann, "live");
    signIn("bob"); // the page of Ann does not know that yet
    await ann.cleanup();
    void ann.preload();
    await becomes(ann, "blocked");
    expect(ann.utils.status.get().reason!.message).toMatch(
      /"ann" belongs to another user than .*\. It syncs again once that user is signed in\./,
    );
    const refused = expect.objectContaining({ code: "IDENTITY_CHANGED" });
    expect(() => ann.insert({ id: "x", title: "t" })).toThrow(refused);
    hide();
    const hideBob = show("bob");
    await becomes(tasksOf("bob"), "live");
    expect(() => ann.insert({ id: "x", title: "t" })).toThrow(refused);
    hideBob();
    signIn("ann");
    show("ann");
    ann.insert({ id: "a", title: "t" });
    await ann.utils.flush();
    expect(pushed).toEqual(["a"]);
  });

  it("that another one has replaced takes nobody's turn", async () => {
    const { create, tasksOf, show, signIn } = appWithUsers();
    signIn("ann");
    const before = tasksOf("ann");
    await before.preload();
    create("ann", { fields: { ...taskFields, more: taskFields.title } as never });
    signIn("bob");
    show("bob");
    await becomes(tasksOf("bob"), "live");
    before.subscribeChanges(() => undefined);
    expect(phaseOf(tasksOf("bob"))).toBe("live");
  });
});

it("rows of a user who is gone leave the memory, and are there again when they return", async () => {
  const storage = memoryStorage();
  const { tasksOf, show, pushed } = appWithUsers({ storage, gcTime: 1 });
  const ann = tasksOf("ann");
  const hide = show("ann");
  await ann.preload();
  ann.insert({ id: "a", title: "t" });
  hide();
  await vi.waitFor(() => expect(ann.status).toBe("cleaned-up"), { timeout: 10_000 });
  expect(ann.size).toBe(0);
  await vi.waitFor(() => expect(pushed).toEqual(["a"]), PATIENTLY);
  await ann.preload();
  expect(ann.get("a")).toMatchObject({ title: "t" });
});

it("a collection is unloaded some time after its last use, as TanStack DB's own are", async () => {
  vi.useFakeTimers();
  try {
    const tasks = collectionOf(fakeClient().client);
    const subscription = tasks.subscribeChanges(() => undefined);
    await vi.advanceTimersByTimeAsync(1_000);
    subscription.unsubscribe();
    await vi.advanceTimersByTimeAsync(200_000);
    expect(tasks.status).toBe("ready");
    await vi.advanceTimersByTimeAsync(200_000);
    expect(tasks.status).toBe("cleaned-up");
  } finally {
    vi.useRealTimers();
  }
});
