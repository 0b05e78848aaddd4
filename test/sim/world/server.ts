import { ConvexError, convexToJson, jsonToConvex, type Value } from "convex/values";
import type { ConvexApp } from "../../../dev/backend/app.js";
import { createEngine, type Engine } from "../../../dev/backend/engine/engine.js";
import { noInterleaving } from "../../../dev/backend/engine/interleaving.js";
import type { Outcome } from "../../../dev/backend/runtime.js";
import * as Y from "yjs";
import componentSchema from "../../../src/component/schema.js";
import type { RowFields } from "../../../src/shared/operations.js";
import type {
  Change,
  Held,
  Protocol,
  PushResult,
  Recovery,
  Result,
  Sender,
  StreamPage,
} from "../../../src/shared/wire.js";
import type { Dice } from "./dice.js";
import type { VirtualTime } from "./time.js";

const COMPONENT = import.meta.glob("../../../src/component/**/*.ts");

const APP: ConvexApp = {
  modules: import.meta.glob("../app/convex/**/*.ts"),
  register: (t) => t.registerComponent("replicate", componentSchema, COMPONENT),
};

export type Effect = {
  document: string;
  kind: "insert" | "update" | "remove";
  title: string;
  marks: string[];
};

export type Truth = { rows: (RowFields & { id: string })[]; effects: Effect[] };

/** The app's real functions, called without a network. */
export class SimServer {
  /** Changes that were accepted, as they were sent. */
  readonly accepted: { change: Change; sender: Sender }[] = [];
  /** Marks in the bytes of changes that were refused, and the codes that said so. */
  readonly refused = new Map<string, Set<string>>();
  /** Documents of which the log cannot be read at once. */
  readonly unreadable = new Set<string>();
  /** Commits that told the log something. */
  logged = 0;
  readonly #engine: Engine;
  readonly #time: VirtualTime;
  readonly #listeners = new Set<() => void>();

  private constructor(engine: Engine, time: VirtualTime) {
    this.#engine = engine;
    this.#time = time;
    engine.onCommit(({ writes }) => {
      if (!writes.some(({ component }) => component === "replicate")) return;
      this.logged += 1;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  static async start(time: VirtualTime, { random }: Dice): Promise<SimServer> {
    const engine = await createEngine(APP, {
      random,
      interleaving: noInterleaving(),
      clock: { now: () => Math.floor(time.now), at: (at, run) => time.after(at - time.now, run) },
    });
    return new SimServer(engine, time);
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  /** @param from Who sends it, for people to read. */
  async push(changes: Change[], sender: Sender, from: string): Promise<PushResult> {
    const results = (await this.#mutation("tasks:push", {
      sender,
      changes,
    })) as unknown as PushResult;
    for (const [index, { result }] of results.entries()) {
      const { document, op, generation } = changes[index]!;
      this.#time.note(
        () => `  ${from} pushed ${op} of ${document}/${generation}: ${describe(result)}`,
      );
      if (result.status === "accepted") this.accepted.push({ change: changes[index]!, sender });
      else if (result.status === "rejected") this.#noteRefused(changes[index]!, result.code);
    }
    return results;
  }

  #noteRefused({ parts }: Change, code: string) {
    for (const { update } of parts) {
      for (const struct of Y.decodeUpdate(new Uint8Array(update)).structs) {
        const path = struct instanceof Y.Item ? struct.parentSub : null;
        if (!path?.startsWith("marks/")) continue;
        const mark = path.slice("marks/".length);
        this.refused.set(mark, (this.refused.get(mark) ?? new Set()).add(code));
      }
    }
  }

  stream(args: { cursor: string | null; rows?: boolean; stubs?: boolean }): Promise<StreamPage> {
    return this.#query("tasks:stream", args) as Promise<unknown> as Promise<StreamPage>;
  }

  protocol(): Promise<Protocol> {
    return this.#query("tasks:protocol", {}) as Promise<unknown> as Promise<Protocol>;
  }

  recover(documents: Held[]): Promise<Recovery> {
    if (documents.some(({ document }) => this.unreadable.has(document))) {
      return Promise.reject(new Error("The simulated server read too much."));
    }
    const args = { part: "fields", documents };
    return this.#query("tasks:recover", args) as Promise<unknown> as Promise<Recovery>;
  }

  truth(): Promise<Truth> {
    return this.#query("tasks:truth", {}) as Promise<unknown> as Promise<Truth>;
  }

  async setMoods(moods: { strict: boolean; buggy: boolean }): Promise<void> {
    await this.#mutation("tasks:setMoods", moods);
  }

  async editDirectly(id: string, title: string | null): Promise<void> {
    await this.#mutation("tasks:editDirectly", { id, title });
  }

  /** Removals that are older than a moment are forgotten, as otherwise after half a year (S6). */
  async prune(): Promise<void> {
    await this.#mutation("tasks:prune", {});
  }

  /** Calls back whenever the log has grown. */
  onLog(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #query(path: string, args: object): Promise<Value> {
    return this.#engine.snapshot(async (snapshot) => {
      const { outcome } = await snapshot.runQuery({ path, args: copy(args), identity: null }, null);
      return valueOf(outcome);
    });
  }

  async #mutation(path: string, args: object): Promise<Value> {
    const { outcome } = await this.#engine.runMutation({ path, args: copy(args), identity: null });
    return valueOf(outcome);
  }
}

function describe(result: Result): string {
  return result.status === "rejected"
    ? `rejected, ${result.code}`
    : `${result.status}, generation ${result.generation}`;
}

function valueOf(outcome: Outcome): Value {
  if (outcome.type === "value") return copy(outcome.value) as Value;
  if (outcome.data !== undefined) throw new ConvexError(outcome.data);
  throw new Error(outcome.message);
}

/** Values cross the wire as JSON; nothing is shared between the sides. */
function copy<T>(value: T): never {
  return jsonToConvex(convexToJson(value as Value)) as never;
}
