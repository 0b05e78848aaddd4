import { ConvexError } from "convex/values";
import { describe, expect, it } from "vitest";
import { ReplicateError } from "../../shared/errors.js";
import { MAX_PUSH_BYTES, MAX_PUSH_DOCUMENTS } from "../../shared/limits.js";
import type { Change, PushResult, Result } from "../../shared/wire.js";
import type { Outgoing } from "../store/outgoing.js";
import { HOUR, quiet, SECOND, VirtualTime } from "../setup.test.js";
import type { Transport } from "../platform/transport.js";
import { Pusher, type PushHost } from "./push.js";

const WINDOW_MS = 50;
const accepted: Result = { status: "accepted", generation: 1, ts: null };
const missing: Result = { status: "rejected", code: "MISSING_DEPENDENCIES", message: "Later." };

/** An outbox with the rules of the real one, as far as the pusher can tell. */
class FakeHost implements PushHost {
  readonly outbox = new Map<string, number[]>();
  readonly rejected: string[] = [];
  readonly reports: (string | null)[] = [];
  bytes = 10;
  failMint: Error | null = null;
  #seq = 0;

  add(...documents: string[]) {
    for (const document of documents) {
      this.outbox.set(document, [...(this.outbox.get(document) ?? []), ++this.#seq]);
    }
  }

  pending = () => new Map(this.outbox);

  mint = async (documents: ReadonlyMap<string, number[]>): Promise<Outgoing[]> => {
    if (this.failMint) throw this.failMint;
    return [...documents].map(([document, seqs]) => ({
      seqs,
      sender: { secret: "s", pageIds: ["page"], identity: null },
      change: {
        document,
        generation: 1,
        op: "update",
        parts: [{ part: "fields", update: new ArrayBuffer(this.bytes) }],
      },
    }));
  };

  settle = async (outgoing: Outgoing[], results: PushResult) => {
    for (const { document, result } of results) {
      if (result.status === "rejected" && result.code === "MISSING_DEPENDENCIES") continue;
      if (result.status === "rejected") this.rejected.push(document);
      const seqs = outgoing.find(({ change }) => change.document === document)?.seqs;
      if (!seqs) continue;
      const rest = this.outbox.get(document)!.filter((seq) => !seqs.includes(seq));
      if (rest.length > 0) this.outbox.set(document, rest);
      else this.outbox.delete(document);
    }
  };

  report = (error: Error | null) => void this.reports.push(error && error.message);
}

type Answer = (changes: Change[]) => Promise<PushResult>;
const all =
  (result: Result): Answer =>
  async (changes) =>
    changes.map(({ document }) => ({ document, result }));
const fails =
  (error: Error): Answer =>
  () =>
    Promise.reject(error);
const never: Answer = () => new Promise(() => undefined);

function setUp({ answer = all(accepted) }: { answer?: Answer } = {}) {
  const time = new VirtualTime();
  const host = new FakeHost();
  const network = { connected: true, answer };
  const pushes: { at: number; documents: string[] }[] = [];
  const began = time.elapsed();
  const transport = {
    isConnected: () => network.connected,
    push: (changes: Change[]) => {
      const documents = changes.map(({ document }) => document);
      pushes.push({ at: time.elapsed() - began, documents });
      return network.answer(changes);
    },
  } as Pick<Transport, "isConnected" | "push"> as Transport;
  const pusher = new Pusher(transport, time, host, WINDOW_MS);
  const change = (...documents: string[]) => {
    host.add(...documents);
    pusher.changed();
  };
  return { time, host, network, pushes, pusher, change };
}

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

describe("a document that cannot go", () => {
  const poison =
    (error: Error): Answer =>
    async (changes) => {
      if (changes.some(({ document }) => document === "poison")) throw error;
      return all(accepted)(changes);
    };

  it("does not hold up others, which go one by one, when the server breaks on it", async () => {
    const { time, host, pushes, pusher, change } = setUp({ answer: poison(new Error("broke")) });
    pusher.start();
    change("a", "poison", "b");
    await time.advance(10 * SECOND);
    expect([...host.outbox.keys()]).toEqual(["poison"]);
    expect(pushes[0]!.documents).toEqual(["a", "poison", "b"]);
    expect(pushes.slice(1).every(({ documents }) => documents.length === 1)).toBe(true);
    change("c", "d");
    const { length } = pushes;
    await time.advance(SECOND);
    expect(pushes.slice(length).map(({ documents }) => documents)).toContainEqual(["c", "d"]);
    await time.advance(HOUR);
    expect(pushes.length).toBeLessThan(300);
    expect(host.reports.at(-1)).toBe("broke");
  });

  it("is rejected when the whole push was refused because of it", async () => {
    const refusal = new ConvexError({ code: "SLOW_DOWN", message: "Too many." });
    const { time, host, pusher, change } = setUp({ answer: poison(refusal) });
    pusher.start();
    change("a", "poison", "b");
    await time.advance(10 * SECOND);
    expect(host.rejected).toEqual(["poison"]);
    expect(host.outbox.size).toBe(0);
  });

  it("waits longer and longer while it lacks something on the server", async () => {
    const { time, host, pushes, pusher, change } = setUp({
      answer: async (changes) =>
        changes.map(({ document }) => ({
          document,
          result: document === "poison" ? missing : accepted,
        })),
    });
    pusher.start();
    change("a", "poison");
    await time.advance(HOUR);
    expect([...host.outbox.keys()]).toEqual(["poison"]);
    expect(pushes.length).toBeGreaterThan(60);
    expect(pushes.length).toBeLessThan(300);
    expect(host.reports.at(-1)).toBe("Later.");
  });
});

describe("a failure that is nobody's", () => {
  it("no answer: everything waits, and the same goes out again", async () => {
    const { time, host, pushes, pusher, change, network } = setUp({ answer: never });
    pusher.start();
    change("a", "b");
    await time.advance(60 * SECOND + WINDOW_MS);
    expect(host.reports).toEqual(["The server did not answer a push in time."]);
    network.answer = all(accepted);
    change("c"); // no reason to try before the pause is over
    await time.advance(100);
    expect(pushes).toHaveLength(1);
    await time.advance(SECOND);
    expect(pushes[1]!.documents).toEqual(["a", "b", "c"]);
    expect(host.reports.at(-1)).toBeNull();
    expect(host.outbox.size).toBe(0);
  });

  it("storage fails: everything waits", async () => {
    const { time, host, pushes, pusher, change } = setUp();
    host.failMint = new ReplicateError("STORAGE_FAILED", "The disk is full.");
    pusher.start();
    change("a");
    await time.advance(HOUR);
    expect(pushes).toEqual([]);
    expect(new Set(host.reports)).toEqual(new Set(["The disk is full."]));
    host.failMint = null;
    await time.advance(120 * SECOND);
    expect(host.outbox.size).toBe(0);
  });
});

describe("a server that asks for less", () => {
  const limited = (data: object = {}) =>
    new ConvexError({ code: "RATE_LIMITED", message: "Slow down.", ...data });

  it("gets it later, and nothing is rejected", async () => {
    const { time, host, pushes, pusher, change, network } = setUp({
      answer: fails(limited({ retryAfterMs: 90 * SECOND })),
    });
    pusher.start();
    change("a", "b");
    await time.advance(WINDOW_MS);
    expect(host.reports).toEqual([expect.stringContaining("Slow down.")]);
    network.answer = all(accepted);
    change("c");
    await time.advance(SECOND);
    await pusher.sendNow(); // a new connection, or a page that is hidden
    await time.advance(88 * SECOND);
    expect(pushes).toHaveLength(1);
    await time.advance(2 * SECOND);
    expect(pushes.slice(1).flatMap(({ documents }) => documents)).toEqual(["a", "b", "c"]);
    expect(host.outbox.size).toBe(0);
    expect(host.rejected).toEqual([]);
    expect(host.reports.at(-1)).toBeNull();
  });

  it("is not left alone for ever, whatever it asks for", async () => {
    const { time, pushes, pusher, change, host, network } = setUp({
      answer: fails(limited({ retryAfterMs: 400 * 24 * HOUR })),
    });
    pusher.start();
    change("a");
    await time.advance(HOUR);
    network.answer = all(accepted);
    await time.advance(60 * SECOND);
    expect(pushes).toHaveLength(2);
    expect(host.outbox.size).toBe(0);
  });

  it.each([{ retryAfterMs: -1 }, { retryAfterMs: NaN }, { retryAfterMs: "1" }, {}])(
    "without saying when is asked again with backoff: %j",
    async (data) => {
      const { time, host, pushes, pusher, change, network } = setUp({
        answer: fails(limited(data)),
      });
      pusher.start();
      change("a");
      await time.advance(HOUR);
      expect(pushes.length).toBeGreaterThan(20);
      expect(pushes.length).toBeLessThan(900);
      network.answer = all(accepted);
      await time.advance(180 * SECOND);
      expect(host.outbox.size).toBe(0);
    },
  );

  it("gets fewer documents at a time, and more again once it takes them", async () => {
    const most = 30;
    const { time, host, pushes, pusher, change } = setUp({
      answer: (changes) => (changes.length > most ? fails(limited()) : all(accepted))(changes),
    });
    pusher.start();
    change(...Array.from({ length: 300 }, (_, n) => `${n}`));
    await time.advance(HOUR);
    expect(host.outbox.size).toBe(0);
    expect(host.rejected).toEqual([]);
    expect(pushes.filter(({ documents }) => documents.length <= most).length).toBeLessThan(30);
  });

  it("does not keep others waiting for what alone is too much for it", async () => {
    const { time, host, pushes, pusher, change } = setUp({
      answer: (changes) =>
        (changes.some(({ document }) => document === "huge") ? fails(limited()) : all(accepted))(
          changes,
        ),
    });
    pusher.start();
    change("huge", "a", "b", "c");
    await time.advance(60 * SECOND);
    expect([...host.outbox.keys()]).toEqual(["huge"]);
    const { length } = pushes;
    await time.advance(HOUR);
    expect(pushes.length).toBeGreaterThan(length + 10);
    expect(host.rejected).toEqual([]);
  });
});

it.each<[string, Answer]>([
  ["the server never answers", never],
  ["the server breaks", fails(new Error("broke"))],
  ["the network gives up", fails(new ReplicateError("UNREACHABLE", "Gone."))],
  ["something is missing on the server", all(missing)],
])("hurries never and gives up never while %s", async (_name, answer) => {
  const { time, host, pushes, pusher, change, network } = setUp({ answer });
  pusher.start();
  change("a", "b", "c");
  await time.advance(HOUR);
  expect(pushes.length).toBeGreaterThan(20);
  expect(pushes.length).toBeLessThan(900);
  expect(time.fired).toBeLessThan(2_000);
  network.answer = all(accepted);
  await time.advance(180 * SECOND);
  expect(host.outbox.size).toBe(0);
  await time.advance(HOUR);
  expect(time.waiting).toBe(0);
});

describe("a clock on the wall that is set to another day", () => {
  const DAY = 24 * HOUR;
  it.each([DAY, -DAY])("neither hurries nor holds up anything: by %i ms", async (shift) => {
    const { time, host, pushes, pusher, network, change } = setUp({
      answer: fails(new Error("down")),
    });
    pusher.start();
    change("a");
    await time.advance(10 * SECOND);
    time.wallClockShift = shift;
    change("b");
    await time.advance(WINDOW_MS * 5);
    expect(pushes.at(-1)!.documents).toContain("b");
    network.answer = all(accepted);
    await time.advance(60 * SECOND);
    expect(host.outbox.size).toBe(0);
    expect(time.fired).toBeLessThan(50);
  });
});

describe("a server that is at fault", () => {
  const odd = (result: unknown): Answer => all(result as Result);
  const answers: [string, Answer][] = [
    ["answers for nothing", async () => []],
    ["answers with nothing", async () => null as never],
    ["answers for other documents", async () => [{ document: "other", result: accepted }]],
    ["names no generation", odd({ ...accepted, generation: NaN })],
    ["names a generation of ages to come", odd({ ...accepted, generation: 2 ** 40 })],
    ["says what nobody knows", odd({ status: "perhaps" })],
    [
      "sends a state vector that is none",
      odd({ ...missing, stateVector: Uint8Array.of(255, 255).buffer }),
    ],
  ];

  it.each(answers)(
    "and %s is sent the same later, with a pause, which says so",
    async (_, answer) => {
      const { time, host, pushes, pusher, change, network } = setUp({ answer });
      pusher.start();
      change("a", "b");
      await time.advance(HOUR, 2_000);
      expect(pushes.length).toBeGreaterThan(20);
      expect(pushes.length).toBeLessThan(1_000);
      expect(host.reports.at(-1)).toMatch(/no answer/);
      expect([...host.outbox.keys()]).toEqual(["a", "b"]);
      network.answer = all(accepted);
      await time.advance(60 * SECOND);
      expect(host.outbox.size).toBe(0);
      expect(host.reports.at(-1)).toBeNull();
    },
  );

  it("about one document takes the others", async () => {
    const { time, host, pusher, change } = setUp({
      answer: async (changes) =>
        changes
          .filter(({ document }) => document !== "a")
          .map(({ document }) => ({ document, result: accepted })),
    });
    pusher.start();
    change("a", "b", "c");
    await time.advance(SECOND);
    expect([...host.outbox.keys()]).toEqual(["a"]);
  });
});
