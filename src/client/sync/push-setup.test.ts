// What the tests of pushing share: an outbox, a network that answers as it is told, and a pusher.

import { expect, it } from "vitest";
import type { Change, PushResult, Result } from "../../shared/wire.js";
import type { Outgoing } from "../store/outgoing.js";
import { VirtualTime } from "../setup.test.js";
import type { Transport } from "../platform/transport.js";
import { Pusher, type PushHost } from "./push.js";

export const WINDOW_MS = 50;
export const accepted: Result = { status: "accepted", generation: 1, ts: null };
export const missing: Result = {
  status: "rejected",
  code: "MISSING_DEPENDENCIES",
  message: "Later.",
};

/** An outbox with the rules of the real one, as far as the pusher can tell. */
class FakePushHost implements PushHost {
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

export type Answer = (changes: Change[]) => Promise<PushResult>;
export const all =
  (result: Result): Answer =>
  async (changes) =>
    changes.map(({ document }) => ({ document, result }));
export const fails =
  (error: Error): Answer =>
  () =>
    Promise.reject(error);
export const never: Answer = () => new Promise(() => undefined);

export function setUp({ answer = all(accepted) }: { answer?: Answer } = {}) {
  const time = new VirtualTime();
  const host = new FakePushHost();
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

it("keeps what was added while a push was on its way", async () => {
  const { host } = setUp();
  host.add("a");
  const outgoing = await host.mint(host.pending());
  host.add("a");
  await host.settle(outgoing, [{ document: "a", result: accepted }]);
  expect([...host.outbox]).toEqual([["a", [2]]]);
});
