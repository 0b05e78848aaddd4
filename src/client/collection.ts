import type { BaseCollectionConfig, CollectionConfig, SyncConfig } from "@tanstack/db";
import { getFunctionName } from "convex/server";
import { compileFields } from "../shared/compiled-fields.js";
import type { Fields, Row } from "../shared/fields.js";
import type { Engine } from "./engine.js";
import { acceptingOf, type AcceptMutations, type AnyTransaction } from "./accepting.js";
import { realEnvironment } from "./platform/environment.js";
import type { ImportResult, ReadRows } from "./imports.js";
import { keyById } from "./keys.js";
import { inOrder } from "./nested-writes.js";
import { checkOptions } from "./options.js";
import type { Outbox } from "./outbox.js";
import type { RejectedChange } from "./outbox-items.js";
import type { OutboxRecord } from "./store/records.js";
import { thisPage, type Page } from "./platform/page.js";
import { engineFor, takeTurn } from "./registry.js";
import { schemaOf } from "./schema.js";
import type { StatusStore } from "./status.js";
import { hasIndexedDB, indexedDBStorage } from "./storage/indexeddb.js";
import { memoryStorage } from "./storage/memory.js";
import type { ReplicaStorage } from "./storage/storage.js";
import { browserTabs } from "./tabs/tabs.js";
import {
  addressOf,
  convexTransport,
  type ConvexClientLike,
  type ReplicateApi,
} from "./platform/transport.js";
import type { WaitFor } from "./waits.js";

/** How long a local change waits for others to be sent with it, in ms. */
const COALESCE_MS = 50;

/** TanStack DB's own options that make sense here; the rest follows from replication. */
type PassedOn<R extends object> = Pick<
  BaseCollectionConfig<R, string>,
  | "id"
  | "startSync"
  | "gcTime"
  | "autoIndex"
  | "defaultIndexType"
  | "compare"
  | "defaultStringCollation"
>;

export type ConvexCollectionConfig<F extends Fields> = PassedOn<Row<F>> & {
  /** A `ConvexReactClient` or a `ConvexClient`. */
  convexClient: ConvexClientLike;
  /** The functions that `new Replicate(…).functions()` made, e.g. `api.tasks`. */
  api: ReplicateApi;
  /** The fields that the schema and the server functions use as well. */
  fields: F;
  /** Optional: rows are always keyed by their id, so only `(row) => row.id` is accepted. */
  getKey?: ((row: Row<F>) => string) | undefined;
  /**
   * Who is signed in: each identity has local data of its own, and sees no one else's. While a
   * collection of the same table for another identity is in use, this one does not sync, and its
   * unsent changes stay on disk.
   */
  identity?: string | undefined;
  /** Name of the local store; by default it follows from the deployment and the functions. */
  storageName?: string | undefined;
  /** Where local data is kept: IndexedDB by default, memory where there is none. */
  storage?: ReplicaStorage | undefined;
  /** How long a change waits for others to be sent with it, in ms; 50 by default. */
  coalesceMs?: number | undefined;
  /**
   * Called when the server has refused a change, in every tab that has the collection in use, e.g. to
   * tell the user. The change waits in `utils.outbox` for a decision, also when no tab was open to be
   * told. What it throws is reported as an uncaught error, and stops nothing.
   */
  onRejected?: ((rejected: RejectedChange<Row<F>>) => unknown) | undefined;
};

/** What a replicated collection offers besides TanStack DB's own methods, as `collection.utils`. */
export type ReplicateUtils<R> = {
  /** How syncing goes. */
  status: StatusStore;
  /** Local changes that the server has not accepted. */
  outbox: Outbox<R>;
  /**
   * Sends all changes now, and resolves once each is accepted or refused. Offline it waits for a
   * connection; nothing is lost by not waiting for it.
   *
   * @throws {ReplicateError} `DATA_CLEARED` when changes are given up by `clear`; `NEWER_DATA` when a
   * newer version of the app has taken over the local data, and what was stored with it.
   */
  flush: () => Promise<void>;
  /**
   * Resolves once all changes of a document made so far, in any tab, are on disk (`"durable"`) or
   * accepted by the server (`"accepted"`); at once when there are none. In memory storage only the
   * server's answer makes a change durable.
   *
   * @throws {ReplicateError} `REFUSED` when the server refuses one, with its own code and message as
   * `cause`; `DATA_CLEARED` when they are given up by `clear`; `NEWER_DATA` when a newer version of
   * the app has taken over the local data, and them with it.
   */
  when: (id: string, until: WaitFor) => Promise<void>;
  /**
   * From now on the browser asks before the page is left, while changes are not on disk: for some
   * milliseconds after each, and for as long as storage fails or there is none. Changes that only wait
   * to be sent are safe, and ask nothing.
   *
   * @returns ends it.
   */
  preventUnsavedLeave: () => () => void;
  /**
   * Deletes the local data of this identity, in all tabs, e.g. when they sign out; then the collection
   * loads again, if it is still in use.
   *
   * @throws {ReplicateError} `UNSENT_CHANGES` when that would lose changes which the server does not
   * have, and says how many; `force` loses them.
   */
  clear: (options?: { force?: boolean }) => Promise<void>;
  /**
   * Takes over rows from elsewhere, e.g. from what an app kept its data in before: exactly once for
   * each `name`, in whichever tab and however often it is called. A document that is not in the
   * collection is inserted, one that is gets the fields that differ. It waits until everything the
   * server has was loaded, and calls `read` only if the import was not done before.
   */
  importOnce: (name: string, read: () => Promise<Iterable<R>>) => Promise<ImportResult>;
  acceptMutations: AcceptMutations;
};

/**
 * Options for TanStack DB's `createCollection()`: a collection whose reads and writes are instant
 * and survive reloads and weeks offline, synced with a table replicated by `new Replicate(…)`.
 *
 * @example
 * ```ts
 * export const tasks = createCollection(
 *   convexCollectionOptions({
 *     convexClient,
 *     api: api.tasks,
 *     fields: taskFields,
 *   }),
 * );
 * tasks.insert({ id: crypto.randomUUID(), title: "Buy milk", done: false, details: {} });
 * ```
 * @throws {ReplicateError} `INVALID_FIELDS`, `INVALID_OPTIONS`, or `COLLECTION_CONFLICT` when the same collection was
 * created before with other options.
 */
export function convexCollectionOptions<F extends Fields>(
  config: ConvexCollectionConfig<F>,
): CollectionConfig<Row<F>, string, never, ReplicateUtils<Row<F>>> & {
  schema?: never;
  utils: ReplicateUtils<Row<F>>;
} {
  checkOptions(config);
  const { convexClient, onRejected } = config;
  const { startSync, gcTime, autoIndex, defaultIndexType, compare, defaultStringCollation } =
    config;
  const functions = getFunctionName(config.api.push);
  const page = thisPage();
  const engine = engineOf(config, functions, page);
  const report = (record: OutboxRecord) => {
    const rejected = engine.outbox.rejectedItem(record);
    return rejected && onRejected?.(rejected as unknown as RejectedChange<Row<F>>);
  };

  const acceptMutations = acceptingOf(engine);
  const take = inOrder<AnyTransaction>(
    (transaction) => void acceptMutations(transaction),
    (key) => engine.shows(key as string),
  );
  const handler = async ({ transaction }: { transaction: unknown }) =>
    take(transaction as AnyTransaction);
  const { getKey, checkKey } = keyById<Row<F>>(config.getKey);
  const schema = schemaOf((row) => {
    engine.check(row);
    checkKey(row as Row<F>);
  });

  return {
    id: config.id ?? defaultId(functions),
    startSync,
    gcTime,
    autoIndex,
    defaultIndexType,
    compare,
    defaultStringCollation,
    getKey,
    schema: schema as never, // rows are typed by the fields; a schema would type them anew
    sync: {
      sync: syncWith<Row<F>>(engine, { onUse: () => takeTurn(convexClient, engine), report }),
      rowUpdateMode: "full",
    },
    onInsert: handler,
    onUpdate: handler,
    onDelete: handler,
    utils: utilsOf(engine, page, acceptMutations),
  };
}

function engineOf<F extends Fields>(
  config: ConvexCollectionConfig<F>,
  functions: string,
  page: Page,
): Engine {
  const { convexClient, api, fields, identity, storageName, coalesceMs, storage } = config;
  // Whatever the rest is called, one identity never opens what is another's.
  const place = storageName === undefined ? [addressOf(convexClient), functions] : [storageName];
  const name = [...place, identity ?? ""].map(encodeURIComponent).join("/");
  return engineFor(convexClient, {
    name,
    functions,
    identity: identity ?? null,
    fields: compileFields(fields),
    transport: convexTransport(convexClient, api, page, realEnvironment),
    storage: storage ?? (hasIndexedDB() ? indexedDBStorage() : memoryStorage()),
    tabs: () => browserTabs(name),
    page,
    environment: realEnvironment,
    coalesceMs: coalesceMs ?? COALESCE_MS,
  });
}

/**
 * The module stands for the table where its functions have their usual names. TanStack DB takes two
 * collections with one id for one within a transaction, so tables that share a module differ in it.
 */
function defaultId(push: string): string {
  return push.endsWith(":push") ? push.slice(0, -":push".length) : push;
}

function utilsOf<R>(
  engine: Engine,
  page: Page,
  acceptMutations: AcceptMutations,
): ReplicateUtils<R> {
  return {
    status: engine.status,
    outbox: engine.outbox as Outbox<unknown> as Outbox<R>,
    flush: () => engine.flush(),
    when: (document, until) => engine.when(document, until),
    preventUnsavedLeave: () => page.askBeforeLeaving(() => engine.isUnsafe()),
    clear: ({ force = false } = {}) => engine.clear({ force }),
    importOnce: (name, read) => engine.importOnce(name, read as ReadRows),
    acceptMutations,
  };
}

/**
 * Shows the engine's rows in a collection. Every write is an `update` without `key`: an upsert in
 * full mode, and what a persistence wrapper expects.
 */
function syncWith<R extends object>(
  engine: Engine,
  { onUse, report }: { onUse: () => void; report: (record: OutboxRecord) => unknown },
): SyncConfig<R, string>["sync"] {
  return ({ collection, begin, write, commit, markReady }) => {
    onUse();
    // Both for as long as the sync runs: a module that is loaded again leaves no listener behind.
    const forget = [
      engine.rejections.on(report),
      // One that was kept while another user's was on screen goes on when it is on screen again.
      collection.on("subscribers:change", ({ subscriberCount, previousSubscriberCount }) => {
        if (subscriberCount > previousSubscriberCount) onUse();
      }),
    ];
    const detach = engine.attach({
      shown(changes) {
        begin();
        for (const { id, row } of changes) {
          if (row === null) write({ type: "delete", key: id });
          else write({ type: "update", value: { id, ...row } as unknown as R });
        }
        void commit(); // what it resolves to is only when the rows become visible
      },
      ready: markReady,
    });
    return () => {
      for (const one of forget) one();
      detach();
    };
  };
}
