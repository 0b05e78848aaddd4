import { expect, it } from "vitest";
import { MAX_PAGE_IDS } from "../../shared/limits.js";
import { Device } from "./device.js";
import { pinIdentity } from "./identity.js";
import { memoryStorage } from "../storage/memory.js";
import type { StorageTransaction } from "../storage/storage.js";

/** A store, and pages that open it one after the other. */
async function setUp() {
  const connection = await memoryStorage().open("a");
  const inMeta = <T>(body: (tx: StorageTransaction) => Promise<T>) =>
    connection.transaction("write", ["meta"], body);
  return { inMeta, page: () => new Device(Math.random) };
}

it("is made once per store, with a secret of 128 bits; every page adds its mark", async () => {
  const { inMeta, page } = await setUp();
  const [one, two] = [page(), page()];
  const first = await inMeta((tx) => one.enter(tx));
  expect(first.sender.secret).toMatch(/^[0-9a-f]{32}$/);
  expect(first.sender.pageIds).toHaveLength(1);
  expect(await inMeta((tx) => one.enter(tx))).toEqual(first);

  const second = await inMeta((tx) => two.enter(tx));
  expect(second).toMatchObject({
    clientId: first.clientId,
    sender: { secret: first.sender.secret },
  });
  expect(second.sender.pageIds.slice(1)).toEqual(first.sender.pageIds);
  expect(await inMeta((tx) => one.enter(tx))).toEqual(second); // both are on disk
});

it("forgets the oldest pages", async () => {
  const { inMeta, page } = await setUp();
  const seen: string[] = [];
  for (let n = 0; n <= MAX_PAGE_IDS; n++) {
    seen.unshift((await inMeta((tx) => page().enter(tx))).sender.pageIds[0]!);
  }
  const { sender } = await inMeta((tx) => page().enter(tx));
  expect(sender.pageIds.slice(1)).toEqual(seen.slice(0, MAX_PAGE_IDS - 1));
});

it("becomes another one, of which no earlier page is part", async () => {
  const { inMeta, page } = await setUp();
  const [one, two] = [page(), page()];
  const { sender: old, clientId } = await inMeta((tx) => one.enter(tx));
  const { sender } = await inMeta((tx) => two.enter(tx));
  expect(await inMeta((tx) => two.isCurrent(tx, old))).toBe(false);
  expect(await inMeta((tx) => two.isCurrent(tx, sender))).toBe(true);
  await inMeta((tx) => two.renew(tx));
  expect(await inMeta((tx) => two.isCurrent(tx, sender))).toBe(false);
  const renewed = await inMeta((tx) => two.enter(tx));
  expect(renewed.clientId).not.toBe(clientId);
  expect(renewed.sender.secret).not.toBe(sender.secret);
  expect(renewed.sender.pageIds).toHaveLength(1);
});

it.each([null, {}, { clientId: 7 }, { clientId: 7, secret: "s", pageIds: "page" }])(
  "is made anew where %o is stored",
  async (damaged) => {
    const { inMeta, page } = await setUp();
    await inMeta((tx) => tx.put("meta", "device", damaged));
    const { clientId, sender } = await inMeta((tx) => page().enter(tx));
    expect(clientId).not.toBe(7);
    expect(sender.secret).toHaveLength(32);
  },
);

it("sends for the owner of the local data", async () => {
  const { inMeta, page } = await setUp();
  await inMeta((tx) => pinIdentity(tx, "ann"));
  expect((await inMeta((tx) => page().enter(tx))).sender.identity).toBe("ann");
});
