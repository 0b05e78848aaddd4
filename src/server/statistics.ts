import { v, type Infer } from "convex/values";

export const statisticsValidator = v.object({
  /** Documents that are there. */
  documents: v.number(),
  /** Entries of the log: updates, snapshots and tombstones. */
  entries: v.number(),
  /** Bytes of those entries, without keys and indexes. */
  bytes: v.number(),
  /** Up to when, in ms since the epoch, everything is counted. */
  asOf: v.number(),
});

/** How much a collection holds. */
export type Statistics = Infer<typeof statisticsValidator>;
