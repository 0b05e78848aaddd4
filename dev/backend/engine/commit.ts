import type { Commit, DocumentWrite } from "../runtime.js";
import type { IndexKey } from "./index-key.js";

/** Made once the commit's timestamp is known. */
export type CommitNote = (ts: bigint) => { key: string; answer: string };

/** A commit that knows which index keys it moved documents from and to. */
export class EngineCommit implements Commit {
  constructor(
    readonly ts: bigint,
    readonly writes: readonly DocumentWrite[],
    /** By `component:table.index`. */
    readonly changedKeys: ReadonlyMap<string, readonly IndexKey[]>,
    readonly note: { key: string; answer: string } | null,
  ) {}
}

/** Makes commits durable before anyone may see them. */
export interface Journal {
  /** Called for one group at a time: what was written before is published by then. */
  write(commits: readonly EngineCommit[]): Promise<void>;
}
