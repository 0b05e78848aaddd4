import { convexToJson, jsonToConvex, ConvexError, type Value } from "convex/values";
import type { Runtime } from "../../dev/backend/index.js";
import type { Change, Protocol, PushResult, StreamPage } from "../../src/shared/wire.js";

type Subscription = { cursor: string | null; changed: () => void };

/** The app's real functions, called without a network. */
export class SimServer {
  readonly #runtime: Runtime;
  readonly #subscriptions = new Set<Subscription>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    runtime.onCommit(() => {
      for (const { changed } of [...this.#subscriptions]) changed();
    });
  }

  push(changes: Change[]): Promise<PushResult> {
    return this.mutation("tasks:push", { changes }) as Promise<PushResult>;
  }

  stream(args: { cursor: string | null; rows?: boolean }): Promise<StreamPage> {
    return this.query("tasks:stream", args) as Promise<StreamPage>;
  }

  protocol(): Promise<Protocol> {
    return this.query("tasks:protocol", {}) as Promise<Protocol>;
  }

  onChange(cursor: string | null, changed: () => void): () => void {
    const subscription = { cursor, changed };
    this.#subscriptions.add(subscription);
    return () => void this.#subscriptions.delete(subscription);
  }

  query(path: string, args: object): Promise<Value> {
    return this.#runtime.snapshot(async (snapshot) => {
      const call = { path, args: copy(args), identity: null };
      const { outcome } = await snapshot.runQuery(call, null);
      return valueOf(outcome);
    });
  }

  async mutation(path: string, args: object): Promise<Value> {
    const { outcome } = await this.#runtime.runMutation({ path, args: copy(args), identity: null });
    return valueOf(outcome);
  }
}

type Outcome = Awaited<ReturnType<Runtime["runMutation"]>>["outcome"];

function valueOf(outcome: Outcome): Value {
  if (outcome.type === "value") return copy(outcome.value) as Value;
  if (outcome.data !== undefined) throw new ConvexError(outcome.data);
  throw new Error(outcome.message);
}

/** Values cross the wire as JSON; nothing is shared between the sides. */
function copy<T>(value: T): never {
  return jsonToConvex(convexToJson(value as Value)) as never;
}
