import { FIELDS_PART } from "../shared/plain-part.js";
import type { Decision, Documents, WriteCtx } from "./documents.js";

/** Compacts the logs of those documents that are written and were found long (S5). */
export async function compactLogs(
  ctx: WriteCtx,
  { component, table, compaction }: Documents,
  decided: readonly Decision[],
): Promise<void> {
  const long = decided.filter((one) => one.long && one.outcome.kind === "write");
  const documents = long.map((one) => one.document);
  if (documents.length === 0) return;
  const args = { collection: table, part: FIELDS_PART, documents, thresholds: compaction };
  try {
    await ctx.runMutation(component.compaction.compact, args);
  } catch (error) {
    // What was to be compacted stays as it is, and so does the push, which has nothing to do with it.
    console.error(`Compacting ${JSON.stringify(documents)} of "${table}" failed:`, error);
  }
}
