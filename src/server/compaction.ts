import { MAX_ROW_WEIGHT } from "../shared/limits.js";
import { FIELDS_PART } from "../shared/plain-part.js";
import { measure } from "../shared/weight.js";
import type { Decision, ReplicatedCollection, WriteCtx } from "./documents.js";

/**
 * Compacts those logs found long (S5) whose documents this call writes, or refuses because their logs
 * are too long, so that a later try succeeds. Rows heavier than clients may make them are left to the
 * sweep, so that an edit that makes one lighter still fits in a transaction.
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
