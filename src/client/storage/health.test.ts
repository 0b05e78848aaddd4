import { describe, expect, it } from "vitest";
import { LocalData } from "../local-data/local-data.js";
import type { LocalDataListener } from "../local-data/local-data-listener.js";
import { Saver } from "../local-data/saver.js";
import { bytesOf, entry, fields, HOUR, inserting, quiet, VirtualTime } from "../setup.test.js";
import { StorageHealth, storageError } from "./health.js";
import { memoryStorage } from "./memory.js";
import type { ReplicaStorage, TransactionMode } from "./storage.js";

const nobody: LocalDataListener = {
  shown() {},
  stored() {},
  changed() {},
  rejected() {},
  lost() {},
  mustHeal() {},
  maySend() {},
  cleared() {},
};
const full = () => new DOMException("The quota has been exceeded.", "QuotaExceededError");
const SYNC = { cursor: "c", complete: true, syncedAt: 5 };

/** A page whose disk fails with `failure.error` in the modes named. */
async function setUp(...modes: TransactionMode[]) {
  const time = new VirtualTime();
  const memory = memoryStorage();
  const failure = { error: full() as Error | null };
  const asked: boolean[] = [];
  const storage: ReplicaStorage = {
    kind: "indexeddb",
    async open(name, options) {
      const connection = await memory.open(name, options);
      return {
        close: () => connection.close(),
        transaction: (mode, stores, body) =>
          failure.error && modes.includes(mode)
            ? Promise.reject(failure.error)
            : connection.transaction(mode, stores, body),
        persisted: async ({ ask }) => (asked.push(ask), asked.includes(true)),
      };
    },
  };
  const data = new LocalData({ name: "a", fields, storage, environment: time }, nobody);
  const saver = new Saver(time, (records) => data.save(records));
  await data.opened;
  const insert = (document: string) => {
    const write = { document, kind: "insert", operations: inserting({ title: "t" }) } as const;
    void saver.save(data.add([write]));
    return quiet();
  };
  const code = () => data.storage.error?.code ?? null;
  return { time, data, failure, insert, code, asked };
}

describe("a disk that takes no local changes", () => {
  it("stays reported while it can be read, and other things be written, and keeps what is new in memory", async () => {
    const { data, insert, code, failure, time } = await setUp("durable");
    await insert("a");
    expect(code()).toBe("STORAGE_FULL");
    await data.reload(); // another tab has changed something
    await data.applyPage(
      [entry(1, bytesOf(inserting({ title: "x" })), { document: "b" })],
      SYNC,
      [],
    );
    expect(code()).toBe("STORAGE_FULL");
    expect(data.replica.counts()).toMatchObject({ pending: 1, unsaved: 1 });
    expect(data.replica.pending().size).toBe(0); // nothing is sent that is not on disk
    expect([...data.replica.shown.keys()].sort()).toEqual(["a", "b"]);

    failure.error = null;
    await time.advance(HOUR);
    expect(code()).toBeNull();
    expect(data.replica.counts()).toMatchObject({ pending: 1, unsaved: 0 });
    expect(data.replica.pending().size).toBe(1);
  });

  it("is asked to be kept only once there is something of the user's on it", async () => {
    const { data, insert, failure, time, asked } = await setUp("durable");
    await insert("a");
    expect(asked).toEqual([false]);
    expect(data.storage.persisted).toBe(false);
    failure.error = null;
    await time.advance(HOUR);
    await insert("b");
    expect(asked).toEqual([false, true]);
    expect(data.storage.persisted).toBe(true);
  });
});

it("a disk that takes no rows is reported until it takes some", async () => {
  const { data, code, failure } = await setUp("write");
  const page = [entry(1, bytesOf(inserting({ title: "x" })))];
  await expect(data.applyPage(page, SYNC, [])).rejects.toMatchObject({ code: "STORAGE_FULL" });
  await data.reload();
  expect(code()).toBe("STORAGE_FULL");
  failure.error = null;
  await data.applyPage(page, SYNC, []);
  expect(code()).toBeNull();
});

it("bytes of the server that cannot be read are not the storage's fault", async () => {
  const { data, code, failure } = await setUp();
  failure.error = null;
  await data.applyPage([entry(1, bytesOf(inserting({ title: "x" })))], SYNC, []);
  await data.applyPage([entry(1, new Uint8Array([255, 255]))], SYNC, []);
  expect([...data.replica.damaged.keys()]).toEqual(["a"]);
  expect(code()).toBeNull();
});

describe("storage health", () => {
  it("remembers the worst of what has not been proven since", () => {
    const health = new StorageHealth("indexeddb");
    for (const task of ["read", "write", "save"] as const) health.failed(task, new Error(task));
    expect(health.status.error?.message).toContain("save");
    health.worked("write");
    expect(health.status.error?.message).toContain("save");
    health.worked("save");
    expect(health.status.error).toBeNull();
    health.failed("read", new Error("unreadable"));
    health.worked("write");
    expect(health.status.error).toBeNull();
  });

  it("says that space ran out, whatever else is wrong", () => {
    expect(storageError(full())).toMatchObject({ code: "STORAGE_FULL", cause: expect.anything() });
    expect(storageError(new Error("x"))).toMatchObject({
      code: "STORAGE_FAILED",
      message: "Local storage failed: x",
    });
  });
});
