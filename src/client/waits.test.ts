import { expect, describe, it } from "vitest";
import { ReplicateError } from "../shared/errors.js";
import { insert, retitle, setUp, watch } from "./engine-setup.test.js";
import { HOUR, quiet, SECOND } from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";

describe("when a change is durable", () => {
  it("is once it is on disk, with no connection at all", async () => {
    const page = setUp({ connected: false });
    page.follow();
    page.engine.accept([insert("a")]);
    const durable = watch(page.engine.when("a", "durable"));
    expect(durable.outcome).toBe("waits");
    await quiet();
    expect(durable.outcome).toBe("done");
    expect(page.engine.status.get().pending).toBe(1);
  });

  it("is not while storage takes no writes", async () => {
    const page = setUp({ connected: false });
    page.follow();
    await quiet();
    page.disk.fail = new Error("disk full");
    page.engine.accept([insert("a")]);
    const durable = watch(page.engine.when("a", "durable"));
    await page.time.advance(HOUR);
    expect(durable.outcome).toBe("waits");
    page.disk.fail = null;
    await page.time.advance(120 * SECOND);
    expect(durable.outcome).toBe("done");
  });

  it("is only once the server has it, where storage is memory", async () => {
    const page = setUp({ connected: false, storage: memoryStorage() });
    page.follow();
    page.engine.accept([insert("a")]);
    const durable = watch(page.engine.when("a", "durable"));
    await page.time.advance(SECOND);
    expect(durable.outcome).toBe("waits");
    page.network.setConnected(true);
    await page.time.advance(SECOND);
    expect(durable.outcome).toBe("done");
  });

  it("is when the server has refused it, where storage is memory", async () => {
    const page = setUp({ storage: memoryStorage() });
    page.follow();
    page.server.refuse = () => "No.";
    page.engine.accept([insert("a")]);
    const durable = watch(page.engine.when("a", "durable"));
    await page.time.advance(SECOND);
    expect(page.engine.status.get().rejected).toBe(1);
    expect(durable.outcome).toBe("done");
  });
});

describe("when changes are accepted", () => {
  it("is once the server has accepted all made until then, and no later ones", async () => {
    const page = setUp({ connected: false });
    page.follow();
    page.engine.accept([insert("a"), insert("b")]);
    const [a, both] = [
      watch(page.engine.when("a", "accepted")),
      watch(Promise.all(["a", "b"].map((id) => page.engine.when(id, "accepted"))).then(() => {})),
    ];
    await quiet();
    page.server.refuse = (change) => (change.op === "update" ? "never" : null);
    page.engine.accept([retitle("a", "later")]);
    await page.time.advance(HOUR);
    expect([a.outcome, both.outcome]).toEqual(["waits", "waits"]);
    page.network.setConnected(true);
    await page.time.advance(10 * SECOND);
    expect([a.outcome, both.outcome]).toEqual(["done", "done"]);
  });

  it("rejects with the refusal, when the server refuses one", async () => {
    const page = setUp();
    page.follow();
    page.server.refuse = () => "Not on a Sunday.";
    page.engine.accept([insert("a")]);
    const accepted = watch(page.engine.when("a", "accepted"));
    await page.time.advance(10 * SECOND);
    expect(accepted.outcome).toMatchObject({
      code: "REFUSED",
      message: "Not on a Sunday.",
      cause: { code: "NO", message: "Not on a Sunday." },
    });
    // What was refused before is known: it does not stand in the way of what is asked for now.
    await page.engine.when("a", "accepted");
  });

  it("rejects when one of several is refused, although the last of them is accepted", async () => {
    const page = setUp();
    page.follow();
    page.engine.accept([insert("a")]);
    await page.time.advance(SECOND);
    let pushes = 0;
    page.server.refuse = () => (++pushes <= 2 ? "No." : null); // both together, then the first
    page.engine.accept([retitle("a", "bad"), retitle("a", "good")]);
    const accepted = watch(page.engine.when("a", "accepted"));
    await page.time.advance(10 * SECOND);
    expect(page.engine.status.get()).toMatchObject({ pending: 0, rejected: 1 });
    expect(accepted.outcome).toMatchObject({ code: "REFUSED" });
  });

  it("is at once for a document without changes", async () => {
    const page = setUp({ connected: false });
    page.follow();
    const accepted = watch(page.engine.when("unknown", "accepted"));
    const durable = watch(page.engine.when("unknown", "durable"));
    await quiet();
    expect([accepted.outcome, durable.outcome]).toEqual(["done", "done"]);
  });

  it("is when nothing is left to send, because it was taken back", async () => {
    const page = setUp({ connected: false });
    page.follow();
    page.engine.accept([insert("a")]);
    const accepted = watch(page.engine.when("a", "accepted"));
    const row = { id: "a", title: "t" };
    page.engine.accept([{ type: "delete", key: "a", original: row, modified: row }]);
    await quiet();
    page.network.setConnected(true);
    await page.time.advance(10 * SECOND);
    expect(accepted.outcome).toBe("done");
    expect(page.server.pushes).toEqual([]);
  });

  it("is told in every tab, whichever made the change and whichever sends it", async () => {
    const a = setUp();
    const b = setUp({ ...a, connected: true });
    for (const page of [a, b]) page.follow();
    await a.time.advance(SECOND);
    a.server.refuse = ({ document }) => (document === "bad" ? "No." : null);
    b.engine.accept([insert("good"), insert("bad")]);
    await quiet();
    const outcomes = [a, b].flatMap(({ engine }) =>
      ["good", "bad"].map((id) => watch(engine.when(id, "accepted"))),
    );
    await a.time.advance(10 * SECOND);
    expect(outcomes.map(({ outcome }) => (outcome instanceof Error ? outcome.message : outcome))) //
      .toEqual(["done", "No.", "done", "No."]);
  });

  it("goes on over a lost disk", async () => {
    const page = setUp();
    page.follow();
    page.engine.accept([insert("z")]); // takes the first place on the first disk
    await page.time.advance(SECOND);
    page.network.setConnected(false);
    page.engine.accept([insert("a")]);
    await quiet();
    const accepted = watch(page.engine.when("a", "accepted"));
    page.disk.lose();
    page.engine.accept([insert("b")]); // finds out
    await page.time.advance(SECOND);
    expect(accepted.outcome).toBe("waits");
    page.network.setConnected(true);
    await page.time.advance(10 * SECOND);
    expect(page.server.pushes.flat().sort()).toEqual(["a", "b", "z"]);
    expect(accepted.outcome).toBe("done");
  });

  it("is not because the collection was left and used again while someone else is signed in", async () => {
    const page = setUp();
    const { detach } = page.follow();
    await page.time.advance(SECOND);
    page.engine.suspend({ code: "IDENTITY_CHANGED", message: "Someone else." });
    page.engine.accept([insert("a")]);
    const accepted = watch(page.engine.when("a", "accepted"));
    await quiet();
    detach();
    await page.time.advance(HOUR);
    page.engine.resume();
    page.network.setConnected(false);
    page.follow();
    page.engine.accept([insert("b")]); // before anything was read
    await page.time.advance(SECOND);
    expect(accepted.outcome).toBe("waits");
    page.network.setConnected(true);
    await page.time.advance(10 * SECOND);
    expect(page.server.pushes.flat().sort()).toEqual(["a", "b"]);
    expect(accepted.outcome).toBe("done");
  });

  it("is not known of what a newer page has now: it rejects, and so does flush", async () => {
    const page = setUp();
    page.follow();
    await page.time.advance(SECOND);
    page.network.setConnected(false);
    page.engine.accept([insert("stored")]);
    await quiet();
    page.disk.fail = new ReplicateError("NEWER_DATA", "Reload.");
    page.engine.accept([insert("unsaved")]);
    const [stored, unsaved] = ["stored", "unsaved"].map((id) =>
      watch(page.engine.when(id, "accepted")),
    );
    const flushed = watch(page.engine.flush());
    await page.time.advance(SECOND);
    for (const { outcome } of [stored!, flushed])
      expect(outcome).toMatchObject({ code: "NEWER_DATA" });
    expect(unsaved!.outcome).toBe("waits");
    const flushedLater = watch(page.engine.flush());
    page.network.setConnected(true);
    await page.time.advance(10 * SECOND);
    expect(page.server.pushes).toEqual([["unsaved"]]);
    expect([unsaved!.outcome, flushedLater.outcome]).toEqual(["done", "done"]);
  });

  it("can be waited for when nobody listens any more", async () => {
    const page = setUp();
    const { detach } = page.follow();
    page.engine.accept([insert("a")]);
    const accepted = watch(page.engine.when("a", "accepted"));
    detach();
    await page.time.advance(10 * SECOND);
    expect(accepted.outcome).toBe("done");
  });
});
