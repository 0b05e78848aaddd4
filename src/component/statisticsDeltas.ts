import type { MutationCtx } from "./_generated/server.js";
import { isNothing, NOTHING, plus, type Totals } from "./totals.js";

/** Documents in one row of `statisticsDeltas`, at most: a row has to stay below 1 MiB. */
const MAX_DOCUMENTS = 1_000;

/** What one mutation does to the log, gathered so that noting it takes one row, however much it is. */
export class StatisticsDeltas {
  readonly #scopes = new Map<string, Map<string, Totals>>();

  constructor(readonly collection: string) {}

  add(scope: string, document: string, change: Partial<Totals>): void {
    const documents = this.#scopes.get(scope) ?? new Map<string, Totals>();
    this.#scopes.set(scope, documents);
    const before = documents.get(document) ?? NOTHING;
    documents.set(document, plus(before, { ...NOTHING, ...change }));
  }

  /** Leaves them for `statistics.fold`. It reads nothing, and so conflicts with nothing (S1). */
  async save(ctx: MutationCtx): Promise<void> {
    const { collection } = this;
    const ts = ctx.db.vars.commitTs;
    for (const [scope, all] of this.#scopes) {
      const documents = [...all]
        .map(([document, change]) => ({ document, ...change }))
        .filter((change) => !isNothing(change));
      while (documents.length > 0) {
        const some = documents.splice(0, MAX_DOCUMENTS);
        await ctx.db.insert("statisticsDeltas", { collection, scope, documents: some, ts });
      }
    }
  }
}
