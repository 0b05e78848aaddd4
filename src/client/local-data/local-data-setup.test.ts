import { expect, it, vi } from "vitest";
import { fields, VirtualTime } from "../setup.test.js";
import { memoryStorage } from "../storage/memory.js";
import type { ReplicaStorage } from "../storage/storage.js";
import { LocalData } from "./local-data.js";
import type { LocalDataListener } from "./local-data-listener.js";

/** The data of one more tab over a storage, who hears of it, and the titles that it shows. */
export async function openLocalData(storage: ReplicaStorage, environment = new VirtualTime()) {
  const listener = {
    shown: vi.fn(),
    stored: vi.fn(),
    changed: vi.fn(),
    rejected: vi.fn(),
    lost: vi.fn(),
    mustHeal: vi.fn(),
    maySend: vi.fn(),
    cleared: vi.fn(),
  } satisfies LocalDataListener;
  const data = new LocalData({ name: "a", fields, storage, environment }, listener);
  await data.opened;
  const titles = () =>
    Object.fromEntries([...data.replica.shown].map(([id, { title }]) => [id, title]));
  return { data, listener, titles };
}

it("a tab over an empty storage shows nothing", async () => {
  const { titles } = await openLocalData(memoryStorage());
  expect(titles()).toEqual({});
});
