import { ReplicateError } from "../shared/errors.js";
import { Engine } from "./engine.js";
import type { SessionConfig } from "./session.js";
import type { ConvexClientLike } from "./transport.js";

/**
 * Engines by client and storage name, so that a collection that is created twice (a hot reload, two
 * components) shares one. Held by the client object itself: nothing outlives it (C10).
 */
const engines = new WeakMap<ConvexClientLike, Map<string, Engine>>();

/** @throws {ReplicateError} `COLLECTION_CONFLICT` when the name is in use with other options. */
export function engineFor(
  client: ConvexClientLike,
  functions: string,
  config: SessionConfig,
): Engine {
  const ofClient = engines.get(client) ?? new Map<string, Engine>();
  engines.set(client, ofClient);
  const existing = ofClient.get(config.name);
  if (existing === undefined) {
    const engine = new Engine(config, functions);
    ofClient.set(config.name, engine);
    return engine;
  }
  const conflict = existing.conflictWith(config, functions);
  if (conflict === null) return existing;
  throw new ReplicateError(
    "COLLECTION_CONFLICT",
    `The collection "${config.name}" exists already, with other ${conflict}. Create it once and share it, or give the second one a storageName of its own.`,
  );
}
