import { expect, it, vi } from "vitest";
import { ReplicateError } from "../../shared/errors.js";
import { VirtualTime } from "../setup.test.js";
import { StorageHealth } from "../storage/health.js";
import { StorageQueue } from "./storage-queue.js";

function setUp() {
  const health = new StorageHealth("memory");
  const listener = { changed: () => undefined, failed: () => undefined };
  return { health, queue: new StorageQueue(new VirtualTime(), health, listener) };
}

it("whatever keeps what is stored from being read shows, until it is read", async () => {
  const { health, queue } = setUp();
  const reading = queue.enqueue("read", async () => {
    throw new ReplicateError("INVALID_ROW", "It does not fit.");
  });
  await expect(reading).rejects.toThrow("It does not fit.");
  expect(health.status.error).toEqual({
    code: "STORAGE_FAILED",
    message: "What is stored on this device cannot be read: It does not fit.",
  });
  await queue.enqueue("read", async () => undefined);
  expect(health.status.error).toBeNull();
});

it("that everything was deleted on purpose is no trouble of the storage", async () => {
  const { health, queue } = setUp();
  const cleared = new ReplicateError("DATA_CLEARED", "");
  await expect(queue.enqueue("read", () => Promise.reject(cleared))).rejects.toBe(cleared);
  expect(health.status.error).toBeNull();
});

it("nothing is done any more once the data is another version's: what was to be stored moves on", async () => {
  const { queue } = setUp();
  const newer = new ReplicateError("NEWER_DATA", "");
  const work = vi.fn(async () => undefined);
  const insisting = queue.retryUntilDone(() => queue.now("read", () => Promise.reject(newer)));
  const saving = queue.enqueue("save", work, insisting);
  await expect(saving).rejects.toBe(newer);
  expect(work).not.toHaveBeenCalled();
});
