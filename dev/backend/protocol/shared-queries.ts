import type { UserIdentity } from "convex/server";
import type { CallFate } from "../faults.js";
import type { QueryRun, Snapshot } from "../runtime.js";
import type { Calls } from "./calls.js";
import { decodeArgs } from "./encoding.js";
import type { Subscription } from "./subscription.js";

/** Runs queries on one snapshot. Clients that ask the same as the same person share one run. */
export class SharedQueries {
  #calls: Calls;
  #snapshot: Snapshot;
  #runs = new Map<string, Promise<QueryRun>>();

  constructor(calls: Calls, snapshot: Snapshot) {
    this.#calls = calls;
    this.#snapshot = snapshot;
  }

  get ts(): bigint {
    return this.#snapshot.ts;
  }

  async run(
    { path, args, journal }: Subscription,
    identity: UserIdentity | null,
    fate: CallFate | null,
  ): Promise<QueryRun> {
    const run = () => {
      const call = { path, args: decodeArgs(args), identity };
      return this.#calls.subscribedQuery(this.#snapshot, call, journal, fate);
    };
    if (fate !== null && fate.failure !== null) return run();
    const key = JSON.stringify([path, args, journal, identity]);
    const shared = this.#runs.get(key) ?? run();
    this.#runs.set(key, shared);
    return shared;
  }
}
