import { expect, it, vi } from "vitest";
import { ReplicateError } from "../../shared/errors.js";
import { CURRENT_DATA } from "./migrations.js";
import { openStorage } from "./open-storage.js";
import { HOUR, quiet, SECOND, VirtualTime } from "../setup.test.js";
import { StorageHealth } from "../storage/health.js";
import { memoryStorage } from "../storage/memory.js";
import type { OpenOptions, ReplicaStorage, StorageConnection } from "../storage/storage.js";

/** Opens a storage whose answer the test gives. */
function setUp() {
  const environment = new VirtualTime();
  const health = new StorageHealth("indexeddb");
  const changed = vi.fn();
  const asked: OpenOptions[] = [];
  let answer!: { resolve: (connection: StorageConnection) => void; reject: (error: Error) => void };
  const storage: ReplicaStorage = {
    kind: "indexeddb",
    open: (_name, options = {}) => {
      asked.push(options);
      return new Promise((resolve, reject) => (answer = { resolve, reject }));
    },
  };
  const opened = openStorage({ name: "a", storage, environment }, health, changed);
  const connection = async (parts: Partial<StorageConnection> = {}) => {
    const made = await memoryStorage().open("disk");
    return { ...made, close: vi.fn(made.close), ...parts };
  };
  const code = () => health.status.error?.code ?? null;
  return { environment, health, changed, opened, options: asked[0]!, answer, connection, code };
}

it("opens what this version of the package reads, and tells what became of earlier data", async () => {
  const { opened, options, answer, connection, health, environment } = setUp();
  expect(options.version).toBe(CURRENT_DATA.version);
  const disk = await connection({ evicted: true });
  answer.resolve(disk);
  expect(await opened).toBe(disk);
  await quiet();
  expect(health.status).toEqual({
    kind: "indexeddb",
    error: null,
    persisted: null,
    evicted: true,
  });
  expect(environment.waiting).toBe(0);
});

it("waits for as long as another tab is in the way, and says so", async () => {
  const { opened, options, answer, connection, changed, code, environment } = setUp();
  options.onBlocked?.();
  expect(code()).toBe("STORAGE_BLOCKED");
  expect(changed).toHaveBeenCalledTimes(1);
  await environment.advance(HOUR);
  const disk = await connection();
  answer.resolve(disk);
  expect(await opened).toBe(disk);
  expect(code()).toBeNull();
});

it("goes on in memory when no answer comes, and leaves a late one alone", async () => {
  const { opened, answer, connection, code, health, environment } = setUp();
  await environment.advance(10 * SECOND);
  const memory = await opened;
  expect(code()).toBe("STORAGE_REFUSED");
  expect(health.status.kind).toBe("memory");
  const late = await connection();
  answer.resolve(late);
  await quiet();
  expect(late.close).toHaveBeenCalled();
  await memory.transaction("durable", ["outbox"], (tx) => tx.add("outbox", 1));
});

it("gives a long migration the time it takes", async () => {
  const { opened, options, answer, connection, environment } = setUp();
  const disk = await connection();
  await disk.transaction("write", ["meta", "documents", "rows", "outbox"], (tx) =>
    options.upgrade!(tx, CURRENT_DATA.version),
  );
  await environment.advance(HOUR);
  answer.resolve(disk);
  expect(await opened).toBe(disk);
});

it.each([
  ["STORAGE_REFUSED", new DOMException("Not in private mode.", "SecurityError")],
  ["NEWER_DATA", new ReplicateError("NEWER_DATA", "Reload the page.")],
])("goes on in memory with %s", async (expected, error) => {
  const { opened, answer, code, health, environment } = setUp();
  answer.reject(error);
  await opened;
  await quiet();
  expect(code()).toBe(expected);
  expect(health.status.error!.message).toContain(error.message);
  expect(environment.waiting).toBe(0);
});
