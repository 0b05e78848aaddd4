import type { ReplicateError } from "../../shared/errors.js";
import type { CompiledFields } from "../../shared/compiled-fields.js";
import type { Environment } from "../platform/environment.js";
import type { Loss } from "../store/open-storage.js";
import type { OutboxRecord } from "../store/records.js";
import type { Former, ShownChange } from "./replica.js";
import type { ReplicaStorage } from "../storage/storage.js";

export type LocalDataConfig = {
  name: string;
  fields: CompiledFields;
  storage: ReplicaStorage;
  /** The user that the app names as the owner; null or absent where it names none. */
  identity?: string | null;
  environment: Environment;
  /** Why a session before had to let go of the storage, if one had to. */
  loss?: Loss | null;
  /** What that one had in memory, where its disk was lost. */
  former?: Former | null;
};

/** Events of a tab's data, for those who show and sync it. */
export type LocalDataListener = {
  /** Rows look different now. */
  shown(changes: ShownChange[]): void;
  /** Something was stored that other tabs do not know of yet. */
  stored(): void;
  /** Anything else than rows changed, e.g. how many changes are pending. */
  changed(): void;
  rejected(record: OutboxRecord): void;
  /** Another page has deleted all data on purpose, and everything has to start from nothing. */
  cleared(error: ReplicateError): void;
  /** The disk is not this page's any more, and everything has to start again; memory is as it was. */
  lost(error: ReplicateError): void;
  /** There are damaged documents to recover from the server that there were not before. */
  mustHeal(): void;
  /** Changes that had to wait may be sent: a damaged document is here again, or everything is. */
  maySend(): void;
};
