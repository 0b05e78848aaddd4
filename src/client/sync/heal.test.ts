import { describe, expect, it } from "vitest";
import { HOUR, quiet, SECOND } from "../setup.test.js";
import { fail, page, setUp } from "./pull-setup.test.js";

describe("documents that were damaged", () => {
  function damaged(count: number) {
    const all = setUp({ loaded: true });
    for (let index = 0; index < count; index++) all.host.damagedDocuments.set(`d${index}`, index);
    return all;
  }

  it("are recovered beside everything else, and the position stays", async () => {
    const { host, server, puller } = damaged(130);
    server.onRecover = () => new Promise(() => undefined);
    puller.start();
    await quiet();
    server.open[0]!.onPage(page([], "c"));
    await quiet();
    expect(host.state.caughtUp).toBe(true);
    puller.stop();
    server.onRecover = () => Promise.resolve();
    puller.start();
    await quiet();
    await quiet();
    expect(host.damagedDocuments.size).toBe(0);
    expect(host.healed.map(({ length }) => length)).toEqual([100, 30]);
    expect(host.healed.flat().every(([document, number]) => document === `d${number}`)).toBe(true);
    expect(host.sync.cursor).toBe("c");
    expect(host.state.healReason).toBeNull();
  });

  it("hold up nothing while the server cannot say what one of them is, and say why", async () => {
    const { time, host, server, puller } = damaged(3);
    server.onRecover = (documents) =>
      documents.includes("d1") ? fail("Too many bytes read") : Promise.resolve();
    puller.start();
    await time.advance(HOUR);
    expect([...host.damagedDocuments.keys()]).toEqual(["d1"]);
    expect(server.open).toHaveLength(1);
    expect(host.state.pullReason).toBeNull();
    expect(host.state.healReason).toMatchObject({
      code: "SERVER_ERROR",
      message: expect.stringMatching(/d1.*Too many bytes read/),
      blocks: false,
    });
    expect(server.calls.recover.length).toBeGreaterThan(20);
    expect(server.calls.recover.length).toBeLessThan(400);
    server.onRecover = () => Promise.resolve();
    await time.advance(60 * SECOND);
    expect([host.damagedDocuments.size, host.state.healReason]).toEqual([0, null]);
    expect(server.subscriptions).toHaveLength(1);
  });

  it("are asked for once more when another page has gone by meanwhile", async () => {
    const { host, server, puller, time } = damaged(1);
    server.onRecover = async () => void host.damagedDocuments.set("d0", 7);
    puller.start();
    await time.advance(SECOND);
    expect(host.healed).toEqual([[["d0", 0]], [["d0", 7]]]);
    expect(host.damagedDocuments.size).toBe(0);
  });

  it("are looked after when they are found later, and by nobody who does not sync", async () => {
    const { host, server, puller } = damaged(0);
    puller.start();
    await quiet();
    host.damagedDocuments.set("d9", 9);
    puller.heal();
    await quiet();
    expect(server.calls.recover).toEqual([["d9"]]);
    puller.stop();
    host.damagedDocuments.set("d8", 8);
    puller.heal();
    await quiet();
    expect(server.calls.recover).toHaveLength(1);
  });
});
