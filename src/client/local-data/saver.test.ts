import { describe, expect, it } from "vitest";
import { Saver } from "./saver.js";
import { HOUR, local, quiet, setting, VirtualTime } from "../setup.test.js";
import type { OutboxRecord } from "../store/records.js";

const change = (title: string) => local("update", 1, setting({ title }));
const titles = (records: readonly OutboxRecord[]) =>
  records.map(({ operations }) => operations.get("title"));

/** A saver whose storage fails as often as `failures` says. */
function setUp({ failures = 0 } = {}) {
  const time = new VirtualTime();
  const attempts: unknown[][] = [];
  const saver = new Saver(time, async (records) => {
    attempts.push(titles(records));
    await Promise.resolve();
    if (attempts.length <= failures) throw new Error("disk full");
  });
  return { time, saver, attempts };
}

describe("bringing changes to disk", () => {
  it("takes the changes of one turn in one transaction, and later ones in the next", async () => {
    const { saver, attempts } = setUp();
    void saver.save([change("a")]);
    const saved = saver.save([change("b"), change("c")]);
    await Promise.resolve(); // the transaction has begun
    void saver.save([change("d")]);
    await saved;
    await saver.settled();
    expect(attempts).toEqual([["a", "b", "c"], ["d"]]);
  });

  it("keeps their order while storage fails", async () => {
    const { time, saver, attempts } = setUp({ failures: 2 });
    const saved = saver.save([change("a")]);
    await Promise.resolve(); // the first attempt has begun
    void saver.save([change("b")]);
    await time.advance(HOUR);
    await saved;
    expect(attempts).toEqual([["a"], ["a", "b"], ["a", "b"]]);
    expect(time.waiting).toBe(0);
  });

  it("never gives up, and never hurries", async () => {
    const { time, saver, attempts } = setUp({ failures: Infinity });
    void saver.save([change("a")]);
    await time.advance(HOUR);
    expect(attempts.length).toBeGreaterThan(60);
    expect(attempts.length).toBeLessThan(300);
  });

  it("stops for good", async () => {
    const { time, saver, attempts } = setUp({ failures: Infinity });
    const saved = saver.save([change("a")]);
    await quiet();
    saver.stop();
    await saved;
    await time.advance(HOUR);
    expect(attempts).toHaveLength(1);
    expect(time.waiting).toBe(0);
  });

  it("resolves at once when there is nothing to save", async () => {
    await expect(setUp().saver.settled()).resolves.toBeUndefined();
  });

  it("misses no change, at whatever moment of an earlier one's saving it comes", async () => {
    for (let moment = 0; moment < 12; moment++) {
      const { saver, attempts } = setUp();
      void saver.save([change("a")]);
      for (let tick = 0; tick < moment; tick++) await Promise.resolve();
      void saver.save([change("b")]);
      await quiet();
      expect(attempts.flat(), `after ${moment} microtasks`).toEqual(["a", "b"]);
    }
  });
});
