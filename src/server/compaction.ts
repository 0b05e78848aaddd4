import { MAX_ROW_WEIGHT } from "../shared/limits.js";
import { FIELDS_PART } from "../shared/plain-part.js";
import { measure } from "../shared/weight.js";
import type { Decision, ReplicatedCollection, WriteCtx } from "./documents.js";

/**
 * Compacts the logs of those documents that were found long (S5) and are written, or are not because
 * their logs are too long: so the edit goes through some time. One that weighs more than a row may, as
 * only the app can make it, is left to the sweep: what makes it lighter must fit in a transaction.
 */
export async function compactLogs(
  ctx: WriteCtx,
  { component, table, compaction }: ReplicatedCollection,
  decided: readonly Decision[],
): Promise<void> {
  const due = decided.filter(({ long, outcome }) => {
    if (!long) return false;
    if (outcome.kind === "write") return measure(outcome.next).weight <= MAX_ROW_WEIGHT;
    return outcome.kind === "rejected" && outcome.code === "DOCUMENT_FULL";
  });
  const documents = due.map((one) => one.document);
  if (documents.length === 0) return;
  const args = { collection: table, part: FIELDS_PART, documents, thresholds: compaction };
  try {
    await ctx.runMutation(component.compaction.compact, args);
  } catch (error) {
    // What was to be compacted stays as it is, and so does the push, which has nothing to do with it.
    console.error(`Compacting ${JSON.stringify(documents)} of "${table}" failed:`, error);
  }
}
