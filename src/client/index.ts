export type { AcceptMutations } from "./accepting.js";
export {
  convexCollectionOptions,
  type ConvexCollectionConfig,
  type ReplicateUtils,
} from "./collection.js";
export type { ImportResult } from "./imports.js";
export type { Outbox, OutboxExport } from "./outbox.js";
export type { FieldChange, OutboxItem, PendingChange, RejectedChange } from "./outbox-items.js";
export type { StatusStore, SyncStatus } from "./status.js";
export type { WaitFor } from "./waits.js";
export type { ConvexClientLike, ReplicateApi } from "./platform/transport.js";
export type { StorageStatus } from "./storage/health.js";
export { indexedDBStorage, type IndexedDBOptions } from "./storage/indexeddb.js";
export { memoryStorage } from "./storage/memory.js";
export type {
  OpenOptions,
  ReplicaStorage,
  StorageConnection,
  StorageKey,
  StorageTransaction,
  StoreName,
  TransactionMode,
} from "./storage/storage.js";
export { ReplicateError, type ReplicateErrorCode } from "../shared/errors.js";
