import { describe, expect, it } from "vitest";
import { ReplicateError } from "../shared/errors.js";
import { insert, setUp, watch } from "./engine-setup.test.js";
import { bytesOf, entry, HOUR, inserting, quiet, SECOND, setting } from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";
import { seal, type Sealed } from "./storage/sealed.js";
import type { ReplicaStorage, StorageKey, StoreName } from "./storage/storage.js";
import { CURRENT_DATA } from "./store/migrations.js";

/** More openings than this, with no time between them, are a loop that never ends. */
const LOOP = 50;

const titled = (document: string) =>
  entry(1, bytesOf(inserting({ title: document })), { document });

/** A disk that counts how often it is opened, and answers no more once that is a loop. */
function countingDisk() {
  const storage = memoryStorage();
  const opens = { count: 0 };
  const counting: ReplicaStorage = {
    kind: "indexeddb",
    open: async (...args) => {
      opens.count += 1;
      return opens.count > LOOP ? new Promise(() => undefined) : storage.open(...args);
    },
  };
  const all = async (store: StoreName) => {
    const connection = await storage.open("tasks", CURRENT_DATA);
    return connection.transaction("read", [store], (tx) => tx.getAll(store));
  };
  const change = async (store: StoreName, how: (value: unknown, key: StorageKey) => unknown) => {
    const connection = await storage.open("tasks", CURRENT_DATA);
    await connection.transaction("write", [store], async (tx) => {
      if (store === "meta") await tx.put(store, "owner", seal({ identity: null })); // as of someone
      for (const [key, value] of await tx.getAll(store)) await tx.put(store, key, how(value, key));
    });
  };
  return { counting, opens, all, change };
}

/** A disk with `a` and `b` from the server, and an insert of `mine` that was not sent. */
async function diskWithOutbox() {
  const disk = countingDisk();
  const before = setUp({ storage: disk.counting });
  before.time.random = Math.random;
  before.server.log.push(titled("a"), titled("b"));
  const { detach } = before.follow();
  before.engine.acceptOnce([insert("sent")], "first").catch(() => undefined);
  await before.time.advance(60 * SECOND);
  before.network.setConnected(false);
  before.engine.accept([insert("mine")]);
  await before.time.advance(SECOND);
  before.engine.suspend({ code: "REFUSED", message: "Enough." }); // so that it ends with this unsent
  detach();
  await before.time.advance(SECOND);
  disk.opens.count = 0;
  return { ...disk, server: before.server };
}

describe("one value that a newer version of the package has stored", () => {
  it.each<[StoreName, StorageKey | null]>([
    ["meta", "sync"],
    ["meta", "device"],
    ["meta", "owner"],
    ["meta", "transactions"],
    ["documents", "a"],
    ["rows", null],
  ])("in %s (%s) leaves the disk to that version, and goes on in memory", async (store, which) => {
    const { counting, opens, all, change, server } = await diskWithOutbox();
    await change(store, (value, key) =>
      which === null || key === which ? { ...(value as Sealed), format: 2 } : value,
    );
    const outbox = await all("outbox");
    expect(outbox).toHaveLength(1);
    const base = bytesOf(inserting({ title: "a" }));
    server.log.push(entry(1, bytesOf(setting({ title: "A" }), [base], 78)));
    const page = setUp({ storage: counting, server });
    page.time.random = Math.random;
    const { rows } = page.follow();
    void page.engine.acceptOnce([insert("typed")], "second");
    await page.time.advance(HOUR);
    expect(opens.count).toBe(1);
    const { storage, phase } = page.engine.status.get();
    expect([storage.kind, storage.error?.code, phase]).toEqual(["memory", "NEWER_DATA", "live"]);
    expect(rows.get("a")).toEqual({ title: "A" });
    // Stored before the newer value was met, it is that version's to send, like all that is stored.
    const isStored = (await all("outbox")).length > outbox.length;
    expect(server.pushes.flat().includes("typed")).toBe(!isStored);
    page.engine.accept([insert("later")]);
    await page.engine.flush();
    expect(server.pushes.flat().at(-1)).toBe("later");
    // A removal of its data is one of what is in memory: the disk is not opened for that either.
    await page.engine.clear({ force: true });
    await page.time.advance(HOUR);
    expect(opens.count).toBe(1);
    expect(await all("outbox")).toEqual(expect.arrayContaining(outbox));
  });

  it("in the outbox is left to that version, and everything else goes on", async () => {
    const { counting, opens, all, change, server } = await diskWithOutbox();
    await change("outbox", (value) => ({ ...(value as Sealed), format: 2 }));
    const outbox = await all("outbox");
    const page = setUp({ storage: counting, server });
    page.follow();
    page.engine.accept([insert("typed")]);
    await page.time.advance(HOUR);
    expect(opens.count).toBe(1);
    expect(page.engine.status.get()).toMatchObject({ phase: "live", pending: 0, rejected: 1 });
    expect(await all("outbox")).toEqual(outbox);
  });
});

describe("a transaction that someone else keeps until it is on disk", () => {
  const NEWER = new ReplicateError("NEWER_DATA", "Reload.");

  it.each<[string, (page: ReturnType<typeof setUp>) => void]>([
    ["a newer page has the disk", (page) => (page.disk.fail = NEWER)],
    [
      "the disk is lost, and the next is broken",
      (page) => {
        page.disk.lose();
        page.disk.fail = new Error("disk on fire");
      },
    ],
  ])("is theirs to keep while %s, until the server has it", async (_name, happen) => {
    const page = setUp({ connected: false });
    page.follow();
    await quiet();
    happen(page);
    const kept = watch(page.engine.acceptOnce([insert("a")], "k"));
    await page.time.advance(HOUR);
    expect(kept.outcome).toBe("waits");
    if (page.disk.fail !== NEWER) page.disk.fail = null;
    page.network.setConnected(true);
    await page.time.advance(120 * SECOND);
    expect(page.server.pushes).toEqual([["a"]]);
    expect(kept.outcome).toBe("done");
  });

  it("is theirs to keep in a page without a disk, until the server has it", async () => {
    const storage: ReplicaStorage = { kind: "indexeddb", open: () => Promise.reject(NEWER) };
    const page = setUp({ connected: false, storage });
    page.follow();
    const kept = watch(page.engine.acceptOnce([insert("a")], "k"));
    await page.time.advance(HOUR);
    expect(kept.outcome).toBe("waits");
    page.network.setConnected(true);
    await page.time.advance(10 * SECOND);
    expect([kept.outcome, page.server.pushes]).toEqual(["done", [["a"]]]);
  });

  it("is on the next disk, where one was lost, without a connection", async () => {
    const page = setUp({ connected: false });
    page.follow();
    await quiet();
    page.disk.lose();
    const kept = watch(page.engine.acceptOnce([insert("a")], "k"));
    await page.time.advance(SECOND);
    expect(kept.outcome).toBe("done");
    expect(page.engine.records()).toMatchObject([{ document: "a", seq: 1 }]);
  });
});

it.each(["STORAGE_LOST", "DATA_CLEARED"] as const)(
  "a disk that says %s again and again is opened now and then",
  async (code) => {
    const { counting, opens } = countingDisk();
    let isLost = true;
    const storage: ReplicaStorage = {
      kind: "indexeddb",
      open: async (...args) => {
        const connection = await counting.open(...args);
        const gone = () => Promise.reject(new ReplicateError(code, "Deleted."));
        return {
          ...connection,
          transaction: (...args) => (isLost ? gone() : connection.transaction(...args)),
        };
      },
    };
    const page = setUp({ storage });
    const { rows, detach } = page.follow();
    page.engine.accept([insert("typed")]);
    await quiet();
    expect(opens.count).toBe(2); // once more at once: most are lost only once
    const error = code === "STORAGE_LOST" ? code : undefined; // nothing is wrong with one that was cleared
    expect(page.engine.status.get().storage.error?.code).toBe(error);
    await page.time.advance(120 * SECOND);
    expect(opens.count).toBeLessThan(20);
    isLost = false;
    await page.time.advance(60 * SECOND);
    expect(page.server.pushes).toEqual([["typed"]]);
    expect(page.engine.status.get()).toMatchObject({ phase: "live", storage: { error: null } });
    expect(rows.has("typed")).toBe(true);
    detach();
    await quiet();
    expect(page.time.waiting).toBe(0); // no session that has ended still tries to read
  },
);
