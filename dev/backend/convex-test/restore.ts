import type { Commit, DocumentWrite } from "../runtime.js";
import { numberOfId, type ConvexTestInternals, type Document } from "./internals.js";

/**
 * Puts documents back with their ids, creation times and commit timestamps, and moves every counter
 * past what was ever handed out: ids (of deleted documents too), creation times, and commit
 * timestamps, which must go on strictly increasing.
 */
export function putBack(internals: ConvexTestInternals, commits: readonly Commit[]): void {
  for (const commit of commits) {
    for (const write of commit.writes) putBackDocument(internals, write);
    const manager = internals.transactionManager;
    if (commit.ts > manager._lastCommitTs) manager._lastCommitTs = commit.ts;
  }
}

function putBackDocument(internals: ConvexTestInternals, write: DocumentWrite): void {
  const db = internals.components[write.component]?.db;
  // The component is not installed any more: its documents stay in the data file, unseen.
  if (db === undefined) return;
  db._nextDocId = Math.max(db._nextDocId, numberOfId(write.id) + 1);
  if (write.document === null) {
    delete db._documents[write.id];
    return;
  }
  const document = write.document as Document;
  db._documents[write.id] = document;
  db._lastCreationTime = Math.max(db._lastCreationTime, document._creationTime);
}
