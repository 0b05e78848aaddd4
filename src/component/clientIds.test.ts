import { expect, it } from "vitest";
import { api } from "./_generated/api.js";
import { newLog, type Log } from "./setup.test.js";

const read = (log: Log, owner: string, ...clientIds: number[]) =>
  log.query(api.clientIds.read, { owner, clientIds });

const bind = (log: Log, owner: string, pageId: string, ...clientIds: number[]) =>
  log.mutation(api.clientIds.bind, { owner, device: "d", pageId, clientIds });

it("binds ids, and says whose they are in the order asked for", async () => {
  const log = newLog();
  await bind(log, "ann", "page", 7, 2 ** 53 - 1);
  await bind(log, "bob", "page", 8);
  const { bindings } = await read(log, "ann", 8, 9, 2 ** 53 - 1);
  const binding = { device: "d", pageId: "page" };
  expect(bindings).toEqual([{ ...binding, owner: "bob" }, null, { ...binding, owner: "ann" }]);
});

it("counts what an owner has, only when there may be more", async () => {
  const log = newLog();
  await bind(log, "ann", "page", 7, 8);
  await bind(log, "ann", "page", 9);
  expect((await read(log, "ann", 7)).used).toBe(0);
  expect((await read(log, "ann", 7, 10)).used).toBe(3);
  expect((await read(log, "bob", 10)).used).toBe(0);
});

it("notes the newest page without counting again, and hands over to another owner", async () => {
  const log = newLog();
  await bind(log, "device d", "one", 7, 8);
  await bind(log, "device d", "two", 7);
  expect(await read(log, "device d", 7, 9)).toMatchObject({
    bindings: [{ pageId: "two" }, null],
    used: 2,
  });
  await bind(log, "user ann", "two", 7);
  expect((await read(log, "user ann", 7, 9)).used).toBe(1);
  const [seven, eight] = (await read(log, "user ann", 7, 8)).bindings;
  expect([seven!.owner, eight!.owner]).toEqual(["user ann", "device d"]);
});
