import { ReplicateError } from "../shared/errors.js";
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

/**
 * Engines by client and storage name, so that a collection that is created twice (a hot reload, two
 * components) shares one. Held by the client object itself: nothing outlives it (C10).
 */
const engines = new WeakMap<ConvexClientLike, Map<string, Registered>>();

/** @throws {ReplicateError} `COLLECTION_CONFLICT` when the name is in use with other options. */
export function engineFor(client: ConvexClientLike, config: EngineConfig): Engine {
  const ofClient = engines.get(client) ?? new Map<string, Registered>();
  engines.set(client, ofClient);
  const existing = ofClient.get(config.name);
  const conflict = existing && conflictOf(existing.config, config);
  if (existing && conflict) replace(existing, config, conflict);
  suspendOthers(ofClient.values(), config);
  if (existing && !conflict) {
    existing.engine.resume();
    return existing.engine;
  }
  const engine = new Engine(config);
  ofClient.set(config.name, { config, engine });
  return engine;
}

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
  engine.replace(error);
}

/** What people call a collection, e.g. `tasks (identity "ann")`. */
function titleOf({ functions, identity }: EngineConfig): string {
  const [table] = functions.split(":");
  return identity === null ? `\`${table}\`` : `\`${table}\` (identity ${JSON.stringify(identity)})`;
}

/** One client is signed in as one person: it must not push what another one left unsent. */
function suspendOthers(registered: Iterable<Registered>, { functions, identity }: EngineConfig) {
  for (const { config, engine } of registered) {
    if (config.functions !== functions || config.identity === identity) continue;
    engine.suspend({
      code: "IDENTITY_CHANGED",
      message: "Someone else is signed in now. Changes are kept on this device until you return.",
    });
  }
}
