import { ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import type { Value } from "convex/values";
import { insertRow } from "../ledger.js";
import type { Step } from "../programs/program.js";

export interface StoredRow {
  uid: number;
  n: number;
  ts: bigint;
}

type Args = { steps: Value };
const mutation = makeFunctionReference<"mutation", Args, Value[]>("programs:mutation");
const query = makeFunctionReference<"query", Args, Value[]>("programs:query");

/** What the backend has said it holds. */
export class Ledger {
  /** By uid. */
  readonly acknowledged = new Map<number, bigint>();
  /** How often each writer's counter was set, as far as we were told, and as far as we asked. */
  readonly counters = new Map<number, { acknowledged: number; asked: number }>();
  lastTs = 0n;
  nextUid = 1_000_000;

  /** Writes without a pause until the backend is gone. */
  async writeUntilCut(url: string, writer: number): Promise<void> {
    const client = newClient(url);
    const counter = this.counters.get(writer) ?? { acknowledged: 0, asked: 0 };
    this.counters.set(writer, counter);
    for (;;) {
      const uid = this.nextUid++;
      const count = ++counter.asked;
      const steps = [insertRow("load", count, uid), setCounter(writer, count), TIMESTAMP];
      try {
        const results = await client.mutation(mutation, { steps: steps as unknown as Value });
        const ts = results.at(-1) as bigint;
        this.acknowledged.set(uid, ts);
        counter.acknowledged = count;
        if (ts > this.lastTs) this.lastTs = ts;
      } catch {
        return;
      }
    }
  }
}

/** The rows with these numbers that are stored. */
export async function readRows(url: string, from: number, to: number): Promise<StoredRow[]> {
  const find: Step = {
    do: "find",
    query: {
      table: "rows",
      index: {
        name: "by_uid",
        equal: [],
        lower: ["gte", "uid", ["value", from]],
        upper: ["lt", "uid", ["value", to]],
      },
    },
    end: "collect",
  };
  const [rows] = await newClient(url).query(query, { steps: [find] as unknown as Value });
  return rows as unknown as StoredRow[];
}

/** Makes the counters' rows. */
export async function createCounters(url: string, writers: number): Promise<void> {
  const steps = Array.from({ length: writers }, (_, writer) => insertRow("counter", 0, writer));
  await newClient(url).mutation(mutation, { steps: steps as unknown as Value });
}

const TIMESTAMP: Step = { do: "commitTs" };

function setCounter(writer: number, count: number): Step {
  return {
    do: "find",
    query: { table: "rows", index: { name: "by_uid", equal: [["uid", ["value", writer]]] } },
    end: "first",
    then: { patch: { n: ["value", count], ts: ["commitTs"] } },
  };
}

function newClient(url: string): ConvexHttpClient {
  return new ConvexHttpClient(url, { logger: false });
}
