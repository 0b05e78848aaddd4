import { describe, expect, it } from "vitest";
import { MAX_PUSH_BYTES, MAX_PUSH_DOCUMENTS } from "../../shared/limits.js";
import { HOUR, quiet, SECOND } from "../setup.test.js";
import { accepted, all, never, setUp, WINDOW_MS } from "./push-setup.test.js";

describe("when a push leaves", () => {
  it("a single change leaves after one window", async () => {
    const { time, pushes, pusher, change } = setUp();
    pusher.start();
    change("a");
    await time.advance(WINDOW_MS - 1);
    expect(pushes).toEqual([]);
    await time.advance(1);
    expect(pushes).toEqual([{ at: WINDOW_MS, documents: ["a"] }]);
    await time.advance(HOUR);
    expect(pushes).toHaveLength(1);
    expect(time.waiting).toBe(0);
  });

  it("rapid clicks leave in few pushes, the last one soon after the last click", async () => {
    const { time, pushes, pusher, change } = setUp();
    pusher.start();
    for (let click = 0; click < 20; click++) {
      change("a");
      await time.advance(100);
    }
    await time.advance(150);
    expect(pushes.length).toBeLessThanOrEqual(3);
    expect(pushes.at(-1)!.at).toBeLessThanOrEqual(19 * 100 + 250);
  });

  it("a burst without end does not wait for its end", async () => {
    const { time, pushes, pusher, change } = setUp();
    pusher.start();
    for (let key = 0; key < 100; key++) {
      change("a");
      await time.advance(100);
    }
    const gaps = pushes.map(({ at }, index) => at - (pushes[index - 1]?.at ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(SECOND + 100);
    expect(pushes.length).toBeGreaterThanOrEqual(9);
  });

  it("a change is not held up by a burst that is over", async () => {
    const { time, pushes, pusher, change } = setUp();
    pusher.start();
    change("a");
    await time.advance(100);
    change("a");
    await time.advance(10 * SECOND);
    const { length } = pushes;
    change("a");
    await time.advance(WINDOW_MS);
    expect(pushes).toHaveLength(length + 1);
  });

  it("changes that come while a push is on its way leave after it", async () => {
    const { time, pushes, pusher, change, network } = setUp();
    pusher.start();
    let arrive = () => {};
    network.answer = (changes) =>
      new Promise((resolve) => (arrive = () => resolve(all(accepted)(changes))));
    change("a");
    await time.advance(WINDOW_MS);
    change("a", "b");
    await time.advance(10 * SECOND);
    expect(pushes).toHaveLength(1); // one push at a time
    network.answer = all(accepted);
    arrive();
    await time.advance(SECOND);
    expect(pushes[1]!.documents).toEqual(["a", "b"]);
    expect(pushes).toHaveLength(2);
  });

  it("flushing waits for nothing", async () => {
    const { pushes, pusher, change } = setUp();
    pusher.start();
    await quiet();
    change("a");
    await pusher.sendNow();
    expect(pushes).toEqual([{ at: 0, documents: ["a"] }]);
  });
});

describe("nothing is sent", () => {
  it("before it is agreed that it may be, then at once", async () => {
    const { time, pushes, pusher, change } = setUp();
    change("a");
    await pusher.sendNow();
    await time.advance(HOUR);
    expect(pushes).toEqual([]);
    pusher.start();
    await quiet();
    expect(pushes).toHaveLength(1);
  });

  it("while there is no connection, however long, and no timer runs in vain", async () => {
    const { time, pushes, pusher, change, network } = setUp();
    pusher.start();
    network.connected = false;
    change("a");
    await time.advance(HOUR);
    expect(pushes).toEqual([]);
    expect(time.fired).toBeLessThanOrEqual(1);
    network.connected = true;
    await pusher.sendNow(); // what a session does on reconnection
    expect(pushes).toHaveLength(1);
  });

  it("once it was stopped, and everything when it starts again", async () => {
    const { time, host, pushes, pusher, change, network } = setUp();
    pusher.start();
    network.answer = never;
    change("a");
    await time.advance(WINDOW_MS);
    change("b");
    pusher.stop();
    await time.advance(HOUR);
    expect(pushes).toHaveLength(1);
    expect(time.waiting).toBe(0);
    network.answer = all(accepted);
    pusher.start();
    await time.advance(SECOND);
    expect(host.outbox.size).toBe(0);
  });
});

describe("how much goes in one push", () => {
  it("at most so many documents, the rest right after", async () => {
    const { time, host, pushes, pusher, change } = setUp();
    pusher.start();
    change(...Array.from({ length: 2 * MAX_PUSH_DOCUMENTS + 1 }, (_, index) => `d${index}`));
    await time.advance(WINDOW_MS);
    expect(pushes.map(({ documents }) => documents.length)).toEqual([200, 200, 1]);
    expect(host.outbox.size).toBe(0);
  });

  it("at most so many bytes, but always one document", async () => {
    const { time, host, pushes, pusher, change } = setUp();
    pusher.start();
    host.bytes = 0.4 * MAX_PUSH_BYTES;
    change("a", "b", "c");
    await time.advance(WINDOW_MS);
    expect(pushes.map(({ documents }) => documents)).toEqual([["a", "b"], ["c"]]);
    host.bytes = 2 * MAX_PUSH_BYTES;
    change("d", "e");
    await time.advance(SECOND);
    expect(pushes.slice(2).map(({ documents }) => documents)).toEqual([["d"], ["e"]]);
  });
});
