import { createCollection } from "@tanstack/db";
import { makeFunctionReference } from "convex/server";
import { afterEach, expect, it } from "vitest";
import { PROTOCOL_VERSION } from "../shared/versions.js";
import type { Change, Result, StreamEntry } from "../shared/wire.js";
import { convexCollectionOptions, type ConvexCollectionConfig } from "./collection.js";
import { fields, taskFields } from "./setup.test.js";
import { memoryStorage } from "./storage/memory.js";
import type { ConvexClientLike, ReplicateApi } from "./platform/transport.js";

export const api = {
  stream: makeFunctionReference("tasks:stream"),
  push: makeFunctionReference("tasks:push"),
  protocol: makeFunctionReference("tasks:protocol"),
} as unknown as ReplicateApi;

export type Config = ConvexCollectionConfig<typeof taskFields>;
export type Tasks = ReturnType<typeof collectionOf>;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** Accepts everything but documents whose id says otherwise. */
function judge({ document, generation }: Change): Result {
  return document.startsWith("forbidden")
    ? { status: "rejected", code: "FORBIDDEN", message: "No." }
    : { status: "accepted", generation, ts: null };
}

/** A client of a server that judges each change by itself; a judge that throws fails the push. */
export function fakeClient(log: StreamEntry[] = [], judging: (change: Change) => Result = judge) {
  const pushed: string[] = [];
  const server = {
    version: PROTOCOL_VERSION,
    fields: fields.hash,
    /** Who is signed in, as the server names them. */
    identity: null as string | null,
  };
  const client = {
    query: async (_query: unknown, args: { cursor?: string | null }) =>
      "cursor" in args ? page(args.cursor) : server,
    mutation: async (_mutation: unknown, { changes }: { changes: Change[] }) => {
      pushed.push(...changes.map(({ document }) => document));
      return changes.map((change) => ({ document: change.document, result: judging(change) }));
    },
    onUpdate: (
      _query: unknown,
      { cursor }: { cursor?: string | null },
      onResult: (result: unknown) => unknown,
    ) => {
      queueMicrotask(() => onResult(page(cursor)));
      return () => undefined;
    },
    connectionState: () => ({ isWebSocketConnected: true }),
    subscribeToConnectionState: () => () => undefined,
  } as unknown as ConvexClientLike;
  const page = (cursor: string | null = null) => ({
    entries: cursor === null ? log : [],
    cursor: "c",
    done: true,
    progress: 1,
    reset: null,
    identity: server.identity,
  });
  return { client, pushed, server };
}

type Options = ReturnType<typeof convexCollectionOptions<typeof taskFields>>;

/** Options as they work in a TanStack DB whose collections do not have `_state`. */
export function withoutState(options: Options): Options {
  const handler = async ({ transaction }: { transaction: { mutations: readonly object[] } }) => {
    const mutations = transaction.mutations.map((mutation) => ({
      ...mutation,
      collection: { utils: options.utils },
    }));
    const inherited = Object.create(transaction) as typeof transaction;
    await options.onInsert!({ transaction: Object.assign(inherited, { mutations }) } as never);
  };
  return { ...options, onInsert: handler, onUpdate: handler, onDelete: handler };
}

/** A collection that nobody has started yet. */
export function collectionOf(
  convexClient: ConvexClientLike,
  rest: Partial<Config> = {},
  change: (options: Options) => Options = (options) => options,
) {
  const config = { convexClient, api, fields: taskFields, storage: memoryStorage(), coalesceMs: 1 };
  const options = convexCollectionOptions({ ...config, ...rest });
  const collection = createCollection(change(options));
  cleanups.push(() => collection.cleanup());
  return collection;
}

it("the fake server accepts all but what is forbidden", async () => {
  const { client, pushed } = fakeClient();
  const tasks = collectionOf(client);
  tasks.insert([
    { id: "a", title: "t" },
    { id: "forbidden", title: "t" },
  ]);
  await tasks.utils.flush();
  expect(pushed).toEqual(["a", "forbidden"]);
  expect(tasks.utils.status.get()).toMatchObject({ pending: 0, rejected: 1 });
});
