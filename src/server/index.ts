export { replicatedTable, type ReplicatedTable } from "./replicated-table.js";
export { Replicate } from "./replicate.js";
export type { ReplicateOptions } from "./options.js";
export type { Version, VersionsOptions } from "./history.js";
export type { CompactionOptions } from "./compaction-options.js";
export type { Statistics } from "./statistics.js";
export type {
  ImportFailure,
  ImportFunction,
  ImportOptions,
  ImportPool,
  ImportStatus,
} from "./import.js";
export type { PushDemand, RateLimitHook } from "./rate-limit.js";
export type { Hooks, RowChange } from "./hooks.js";
export { ReplicateError, type ReplicateErrorCode } from "../shared/errors.js";
