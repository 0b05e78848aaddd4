import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
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

// Devices that cannot be brought up to date by what the log still has.

/** TanStack DB tells of a row that goes only whom it has told that it was there. */
const WITH_WHAT_IS_THERE = { includeInitialState: true };

/** Every row that goes, or comes, from now on. */
function watch({ tasks }: Device) {
  const seen: string[] = [];
  const subscription = tasks.subscribeChanges((changes) => {
    for (const { type, key } of changes) if (type !== "update") seen.push(`${type} ${String(key)}`);
  }, WITH_WHAT_IS_THERE);
  onTestFinished(() => subscription.unsubscribe());
  seen.length = 0;
  return seen;
}

const rejections = ({ utils }: Device) =>
  utils.outbox
    .list()
    .flatMap((item) => (item.status === "rejected" ? [[item.id, item.code, item.row?.title]] : []));

describe("a device that was away for longer than removals are remembered", () => {
  /** Two devices that know `t1` to `t4`; then one goes away, and what it misses is forgotten. */
  async function longAway(
    meanwhile: (online: Device) => void,
    offline: (away: Device) => void = () => undefined,
  ) {
    const backend = await startApp();
    const [online, away] = [openDevice(backend), openDevice(backend)];
    for (const id of ["t1", "t2", "t3", "t4"]) online.tasks.insert(task(id));
    await converged(online, away);
    away.network.cut();
    offline(away);
    meanwhile(online);
    await converged(online);
    await online.client.mutation(api.tasks.prune, {});
    await eventually(async () => {
      const { entries } = await online.client.query(api.tasks.stream, { cursor: null });
      expect(entries.filter(({ kind }) => kind === "tombstone")).toEqual([]);
    });
    return { online, away };
  }

  it("is brought up to date, and shows nothing but the difference", async () => {
    const { online, away } = await longAway(({ tasks }) => {
      tasks.delete("t2");
      tasks.update("t3", (draft) => void (draft.title = "New"));
      tasks.insert(task("t5"));
    });
    const seen = watch(away);
    away.network.restore();
    expect(await converged(online, away)).toHaveLength(4);
    expect(seen.sort()).toEqual(["delete t2", "insert t5"]);
    await eventually(() =>
      expect(away.utils.status.get()).toMatchObject({ phase: "live", complete: true }),
    );
  });

  it("keeps its changes: what it inserted goes in, what it edited of what is gone is told", async () => {
    const { online, away } = await longAway(
      ({ tasks }) => tasks.delete(["t2", "t3"]),
      ({ tasks }) => {
        tasks.update("t1", (draft) => void (draft.title = "Mine"));
        tasks.update("t2", (draft) => void (draft.title = "Lost"));
        tasks.delete("t3");
        tasks.insert(task("t6"));
        tasks.update("t6", (draft) => void (draft.votes = 1));
      },
    );
    away.network.restore();
    await eventually(() => expect(rejections(away)).toEqual([["t2", "UNKNOWN_DOCUMENT", "Lost"]]));
    const rows = await converged(online, away);
    expect(rows).toEqual([task("t1", { title: "Mine" }), task("t4"), task("t6", { votes: 1 })]);
  });

  it("is up to date for good: it does not begin anew again and again", async () => {
    const { online, away } = await longAway(({ tasks }) => tasks.delete("t2"));
    away.network.restore();
    await converged(online, away);
    away.network.cut();
    online.tasks.update("t1", (draft) => void (draft.title = "Later"));
    const calls = online.client;
    await converged(online);
    const seen = watch(away);
    away.network.restore();
    await converged(online, away);
    await calls.mutation(api.tasks.prune, {});
    online.tasks.insert(task("t2", { title: "Again" }));
    expect(await converged(online, away)).toHaveLength(4);
    expect(seen).toEqual(["insert t2"]);
  });
});

describe("a backup", () => {
  /** A backend whose data can be saved, and put back. */
  async function startWithBackups() {
    const root = await mkdtemp(join(tmpdir(), "replicate-"));
    onTestFinished(() => rm(root, { recursive: true, force: true }));
    const [data, backup] = [join(root, "data"), join(root, "backup")];
    const first = await startApp(undefined, data);
    const port = Number(new URL(first.url).port);
    let backend = first;
    const stopped = async (work: () => Promise<unknown>) => {
      await backend.close();
      await work();
      backend = await startApp(port, data);
    };
    return {
      url: first.url,
      save: () => stopped(() => cp(data, backup, { recursive: true })),
      restore: () =>
        stopped(async () => {
          await rm(data, { recursive: true });
          await cp(backup, data, { recursive: true });
        }),
    };
  }

  it("that is restored takes everyone back to it, and what was only here is told", async () => {
    const server = await startWithBackups();
    const [a, b] = [openDevice(server), openDevice(server)];
    a.tasks.insert(task("kept"));
    await converged(a, b);
    await server.save();
    await converged(a, b);
    a.tasks.insert(task("lost"));
    a.tasks.update("kept", (draft) => void (draft.title = "Lost, too"));
    await converged(a, b);
    b.network.cut();
    b.tasks.update("lost", (draft) => void (draft.votes = 7));
    b.tasks.update("kept", (draft) => void (draft.votes = 5));
    b.tasks.insert(task("new"));
    await eventually(() => expect(b.utils.outbox.list().every(({ seq }) => seq)).toBe(true));

    await server.restore();
    await a.client.mutation(api.tasks.restored, {});
    b.network.restore();
    await eventually(() =>
      expect(rejections(b)).toEqual([["lost", "UNKNOWN_DOCUMENT", "Task lost"]]),
    );
    expect(await converged(a, b)).toEqual([task("kept", { votes: 5 }), task("new")]);
    // Nobody's clocks mean two things: all goes on as ever.
    a.tasks.update("kept", (draft) => void (draft.title = "From a"));
    await converged(a, b);
    b.tasks.update("kept", (draft) => void (draft.title = "From b"));
    expect((await converged(a, b))[0]).toEqual(task("kept", { title: "From b", votes: 5 }));
  });

  it("is noticed without being told, as long as nothing else has happened since", async () => {
    const server = await startWithBackups();
    const a = openDevice(server);
    a.tasks.insert(task("kept"));
    await converged(a);
    await server.save();
    a.tasks.insert(task("lost"));
    await converged(a);
    await server.restore();
    await eventually(() => expect(rowsOf(a)).toEqual([task("kept")]));
    expect(await tableOf(a)).toEqual([task("kept")]);
  });
});
