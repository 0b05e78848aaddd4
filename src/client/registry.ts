import { ReplicateError } from "../shared/errors.js";
import type { Refusal } from "../shared/refusal.js";
import { Engine } from "./engine.js";
import type { SessionConfig } from "./session.js";
import type { ConvexClientLike } from "./platform/transport.js";

export type EngineConfig = SessionConfig & {
  /** Names the server functions it talks to. */
  functions: string;
  /** Who is signed in; null for nobody in particular. */
  identity: string | null;
};

type Registered = { config: EngineConfig; engine: Engine };

type ClientState = {
  /** By storage name, so that a collection that is created twice (a hot reload, two components) shares one. */
  engines: Map<string, Registered>;
  /** Whose turn it is, by server functions: a client is signed in as one person at a time. */
  turns: Map<string, string | null>;
};

/** Held by the client object itself: nothing outlives it (C10). */
const clients = new WeakMap<ConvexClientLike, ClientState>();

function stateOf(client: ConvexClientLike): ClientState {
  const state = clients.get(client) ?? { engines: new Map(), turns: new Map() };
  clients.set(client, state);
  return state;
}

/** @throws {ReplicateError} `COLLECTION_CONFLICT` when the name is in use with other options. */
export function engineFor(client: ConvexClientLike, config: EngineConfig): Engine {
  const { engines, turns } = stateOf(client);
  const existing = engines.get(config.name);
  const conflict = existing && conflictOf(existing.config, config);
  if (existing && !conflict) {
    existing.engine.useFields(config.fields);
    return existing.engine;
  }
  if (existing && conflict) replace(existing, config, conflict);
  const engine = new Engine(config);
  engines.set(config.name, { config, engine });
  if (!turns.has(config.functions)) turns.set(config.functions, config.identity);
  else if (turns.get(config.functions) !== config.identity) engine.suspend(NOT_THEIR_TURN);
  return engine;
}

/**
 * Makes this engine's identity the one that syncs. Engines of other identities pause, because their
 * unsent changes must not be pushed as this user's. Merely creating a collection takes nobody's turn.
 */
export function takeTurn(client: ConvexClientLike, engine: Engine) {
  const { engines, turns } = stateOf(client);
  const own = [...engines.values()].find((one) => one.engine === engine);
  if (!own) return; // another one has taken its place
  const { functions, identity } = own.config;
  turns.set(functions, identity);
  for (const other of engines.values()) {
    if (other.config.functions !== functions) continue;
    if (other.config.identity === identity) other.engine.resume();
    else other.engine.suspend(NOT_THEIR_TURN);
  }
}

const NOT_THEIR_TURN: Refusal = {
  code: "IDENTITY_CHANGED",
  message:
    "The collection of another user is in use now. Changes are kept on this device until this one is used again.",
};

type Conflict = {
  what: "server functions" | "fields" | "storage" | "coalesceMs";
  /** Whether editing a module while the app runs can be the cause. */
  isEdit: boolean;
};

function conflictOf(a: EngineConfig, b: EngineConfig): Conflict | null {
  if (a.functions !== b.functions) return { what: "server functions", isEdit: false };
  if (a.fields.hash !== b.fields.hash) return { what: "fields", isEdit: true };
  if (a.storage.kind !== b.storage.kind) return { what: "storage", isEdit: true };
  return a.coalesceMs === b.coalesceMs ? null : { what: "coalesceMs", isEdit: true };
}

/**
 * A collection that was used and is created again with something else: that is what a hot reload
 * does, so the new one takes over. If both are meant to be used, the old one says so at its next use.
 * Two that are created before either is used are two: nothing reloads what never ran.
 */
function replace({ engine }: Registered, config: EngineConfig, { what, isEdit }: Conflict) {
  const error = new ReplicateError(
    "COLLECTION_CONFLICT",
    `The collection ${titleOf(config)} exists already, with other ${what}. Create it once and share it, or give the second one a storageName of its own.`,
  );
  if (!isEdit || !engine.wasUsed) throw error;
  engine.retire(error);
}

/** What people call a collection, e.g. `tasks (identity "ann")`. */
function titleOf({ functions, identity }: EngineConfig): string {
  const [table] = functions.split(":");
  return identity === null ? `\`${table}\`` : `\`${table}\` (identity ${JSON.stringify(identity)})`;
}
