import { convexToJson } from "convex/values";
import type { FunctionCall, QueryRun } from "../runtime.js";
import type { EngineContext } from "./context.js";
import { observations } from "./execution.js";
import { settled } from "./failure.js";
import { displayPath } from "./function-address.js";
import { QueryCache } from "./query-cache.js";
import { topLevel } from "./top-level-call.js";
import type { EngineCommit } from "./commit.js";
import type { Snapshot } from "./store.js";

/** Runs clients' queries, or finds their results in the cache. */
export class Queries {
  #context: EngineContext;
  #cache = new QueryCache();

  constructor(context: EngineContext) {
    this.#context = context;
  }

  observe(commit: EngineCommit): void {
    this.#cache.observe(commit);
  }

  /** `snapshot` must have begun at the store, and not have ended. */
  async run(snapshot: Snapshot, call: FunctionCall, journal: string | null): Promise<QueryRun> {
    const { runner, store, metrics } = this.#context;
    const target = topLevel(call);
    const path = displayPath(target.location);
    const key = JSON.stringify([path, convexToJson(call.args), journal]);
    const who = JSON.stringify(call.identity);
    const cached = this.#cache.find(key, who, snapshot.ts);
    if (cached !== null) {
      metrics.count(path, "cacheHits");
      return cached;
    }
    const observed = observations(journal);
    const { value, transaction } = await runner.query(target, snapshot, observed);
    const { reads } = transaction;
    const run = { outcome: await settled(value), reads, journal: observed.pageEnd };
    if (!observed.time && store.isCurrent(snapshot, reads)) {
      this.#cache.keep(key, observed.auth ? who : null, { run, reads, ts: snapshot.ts });
    }
    return run;
  }
}
