import { describe, expect, it } from "vitest";
import { Browser, FakeDisk, FakeServer, insert, retitle, setUp } from "./engine-setup.test.js";
import type { LocalMutation } from "./local-write.js";
import { SECOND } from "./setup.test.js";

const remove = (id: string): LocalMutation => ({
  type: "delete",
  key: id,
  original: { id, title: "t" },
  modified: { id, title: "t" },
});

type Device = ReturnType<typeof setUp>;

const advance = async (...devices: Device[]) => {
  for (let n = 0; n < 3; n++) for (const { time } of devices) await time.advance(SECOND);
};

/** Two devices that both have document `a` and `b`. */
async function two(serverOptions: Partial<FakeServer> = {}) {
  const server = Object.assign(new FakeServer(), serverOptions);
  const [one, other] = [setUp({ server }), setUp({ server })];
  const rows = [one, other].map((device) => device.follow().rows);
  await advance(one, other);
  one.engine.accept([insert("a"), insert("b")]);
  await advance(one, other);
  const titles = () => rows.map((of) => [of.get("a")?.["title"], of.get("b")?.["title"]]);
  return { server, one, other, titles };
}

describe("a server that sends stubs", () => {
  it("is asked for what they stand for", async () => {
    const { server, one, other, titles } = await two({ stubBytes: 0 });
    expect(titles()).toEqual([
      ["t", "t"],
      ["t", "t"],
    ]);
    one.engine.accept([retitle("a", "new")]);
    await advance(one, other);
    expect(titles()).toEqual([
      ["new", "t"],
      ["new", "t"],
    ]);
    expect(server.recoveries.flat()).toContain("a");
    for (const { engine } of [one, other]) {
      expect(engine.status.get()).toMatchObject({ phase: "live", pending: 0, reason: null });
    }
  });

  it("is asked only for the newest of what a device missed, and may have removed it", async () => {
    const { server, one, other, titles } = await two({ stubBytes: 0 });
    server.hold();
    for (const title of ["x", "y", "z"]) {
      one.engine.accept([retitle("a", title)]);
      await advance(one);
    }
    one.engine.accept([remove("b")]);
    await advance(one);
    server.recoveries.length = 0;
    server.release();
    await advance(other);
    expect(titles()[1]).toEqual(["z", undefined]);
    // Once by each device, and not for a tombstone.
    expect(server.recoveries).toEqual([["a"], ["a"]]);
  });
});

describe("a server that cannot recover one document", () => {
  it("holds up nothing: what follows arrives, and what is edited is sent (C7)", async () => {
    const { server, one, other, titles } = await two({ stubBytes: 0 });
    server.unreadable.add("a");
    other.network.setConnected(false);
    one.engine.accept([retitle("a", "news of a"), retitle("b", "news of b")]);
    await advance(one, other);
    other.engine.accept([insert("c")]);
    other.network.setConnected(true);
    await advance(one, other);
    expect(titles()[1]).toEqual(["news of a", "news of b"]);
    expect(server.pushes.flat()).toContain("c");
    for (const { engine } of [one, other]) {
      expect(engine.status.get()).toMatchObject({ phase: "live", pending: 0, reason: null });
    }
  });

  it("that is damaged here keeps only that one waiting, and says so until it can", async () => {
    const { server, one, other, titles } = await two();
    await other.disk.damage("a");
    server.unreadable.add("a");
    other.engine.accept([retitle("a", "mine"), retitle("b", "mine too")]);
    await advance(one, other);
    one.engine.accept([insert("c")]);
    await advance(one, other);
    expect(titles()).toEqual([
      ["t", "mine too"],
      ["mine", "mine too"],
    ]);
    const waiting = other.engine.status.get();
    expect(waiting).toMatchObject({ pending: 1, reason: { code: "SERVER_ERROR" } });
    expect(waiting.reason?.message).toMatch(/"a".*Too many bytes/);
    server.unreadable.clear();
    for (let n = 0; n < 10; n++) await advance(one, other);
    expect(titles()[0]).toEqual(["mine", "mine too"]);
    expect(other.engine.status.get()).toMatchObject({ phase: "live", pending: 0, reason: null });
  });
});

describe("a stored document that is damaged", () => {
  it("is loaded again alone while its page goes on, and what was edited is sent", async () => {
    const { server, one, other, titles } = await two();
    await other.disk.damage("a");
    other.engine.accept([retitle("a", "mine"), retitle("b", "mine too")]);
    await advance(one, other);
    expect(server.recoveries).toEqual([["a"]]);
    const mine = ["mine", "mine too"];
    expect(titles()).toEqual([mine, mine]);
    expect(other.engine.status.get()).toMatchObject({ phase: "live", pending: 0, complete: true });
  });

  it("is loaded again when someone else has edited it", async () => {
    const { server, one, other, titles } = await two();
    await other.disk.damage("a");
    one.engine.accept([retitle("a", "theirs")]);
    await advance(one, other);
    expect(server.recoveries).toEqual([["a"]]);
    expect(titles()[1]).toEqual(["theirs", "t"]);
  });

  it("waits without a connection, with what is pending, and over a reload", async () => {
    const { server, one, other } = await two();
    await other.disk.damage("a");
    other.network.setConnected(false);
    other.engine.accept([retitle("a", "mine")]);
    await advance(other);
    const again = setUp({ server, disk: other.disk });
    const { rows } = again.follow();
    await advance(one, again);
    expect(rows.get("a")).toEqual({ title: "mine" });
    expect(server.recoveries).toEqual([["a"]]);
    expect(again.engine.status.get()).toMatchObject({ phase: "live", pending: 0 });
  });

  it("is mended by the tab that syncs when another one finds it", async () => {
    const disk = new FakeDisk();
    const browser = new Browser();
    const leader = setUp({ disk, browser });
    const follower = setUp({ disk, browser, server: leader.server });
    const [, rows] = [leader.follow(), follower.follow().rows];
    leader.engine.accept([insert("a")]);
    await advance(leader, follower);
    await disk.damage("a");
    follower.engine.accept([retitle("a", "mine")]);
    await advance(leader, follower);
    expect(leader.server.recoveries).toEqual([["a"]]);
    expect(rows.get("a")).toEqual({ title: "mine" });
    for (const { engine } of [leader, follower]) {
      expect(engine.status.get()).toMatchObject({ phase: "live", pending: 0 });
    }
  });
});
