import { createCollection } from "@tanstack/db";
import { Workpool } from "@convex-dev/workpool";
import workpool from "@convex-dev/workpool/test";
import { ConvexClient } from "convex/browser";
import {
  actionGeneric,
  anyApi,
  componentsGeneric,
  defineSchema,
  queryGeneric,
} from "convex/server";
import { v } from "convex/values";
import { convexCollectionOptions, memoryStorage } from "convex-replicate/client";
import { Replicate, replicatedTable, type ImportFunction } from "convex-replicate/server";
import { register } from "convex-replicate/test";
import { WebSocket } from "ws";
import { createEngine } from "../../dev/backend/engine/engine.js";
import { inlineApp } from "../../dev/backend/engine/inline-app.js";
import { startBackend } from "../../dev/backend/index.js";
import type { ComponentApi } from "../../src/component/_generated/component.js";
import { fields, ROW, World } from "./world.js";

/** An app with an import, on the embedded backend: `tasks:seed` imports rows `task-<from>` and on. */
export async function startImports(maxParallelism: number) {
  const components = componentsGeneric() as unknown as {
    replicate: ComponentApi;
    workpool: Workpool["component"];
  };
  const pool = new Workpool(components.workpool, { maxParallelism, logLevel: "ERROR" });
  const tasks = new Replicate(components.replicate, "tasks", { fields });
  const { importBatch, lostBatch } = anyApi["tasks"] as unknown as Record<
    "importBatch" | "lostBatch",
    ImportFunction
  >;
  const app = inlineApp({
    schema: defineSchema({ tasks: replicatedTable(fields) }),
    modules: {
      tasks: {
        ...tasks.functions(),
        importBatch: tasks.createImportMutation(pool),
        seed: actionGeneric({
          args: {
            ...range,
            title: v.optional(v.string()),
            existing: v.optional(v.union(v.literal("keep"), v.literal("replace"))),
          },
          handler: (ctx, { from, to, title = ROW.title, existing }) => {
            const rows = rowsFrom(from, to, title);
            const options = existing === undefined ? {} : { existing };
            return tasks.importDocuments(ctx, importBatch, { name: "seed", rows, ...options });
          },
        }),
        status: queryGeneric({ args: {}, handler: (ctx) => tasks.importStatus(ctx, "seed") }),
        /** Of a pool that loses every job. */
        lostBatch: tasks.createImportMutation({ enqueueMutation: () => Promise.resolve() }),
        seedInVain: actionGeneric({
          args: range,
          handler: (ctx, { from, to }) => {
            const rows = rowsFrom(from, to, ROW.title);
            return tasks.importDocuments(ctx, lostBatch, { name: "seed", rows });
          },
        }),
      },
    },
  });
  const engine = await createEngine({
    ...app,
    register: (t) => {
      register(t);
      workpool.register(t);
    },
  });
  const backend = await startBackend({ app: engine });
  const client = newClient(backend.url);
  return new Imports(new World(engine), client, async () => {
    await client.close();
    await backend.close();
  });
}

const range = { from: v.number(), to: v.number() };

const rowsFrom = (from: number, to: number, title: string) =>
  Array.from({ length: to - from }, (_, n) => ({ ...ROW, id: `task-${from + n}`, title }));

function newClient(url: string) {
  return new ConvexClient(url, {
    skipConvexDeploymentUrlCheck: true,
    webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket,
    logger: false,
  });
}

type Status = Awaited<ReturnType<Replicate<typeof fields>["importStatus"]>>;
type SeedArgs = { from: number; to: number; title?: string; existing?: "keep" | "replace" };
const api = anyApi as unknown as { tasks: Record<string, never> };

export class Imports {
  constructor(
    readonly world: World,
    readonly client: ConvexClient,
    readonly close: () => Promise<void>,
  ) {}

  seed(args: SeedArgs) {
    return this.client.action(api.tasks["seed"]!, args as never);
  }

  seedInVain(args: { from: number; to: number }) {
    return this.client.action(api.tasks["seedInVain"]!, args as never);
  }

  status(): Promise<Status> {
    return this.client.query(api.tasks["status"]!, {} as never);
  }

  /** Resolves when nothing is waiting any more; `each` hears of the progress. */
  finished(each: (status: Status) => void = () => undefined): Promise<Status> {
    return new Promise((resolve, reject) => {
      const stop = this.client.onUpdate(
        api.tasks["status"]!,
        {} as never,
        (status: Status) => {
          each(status);
          if (status.waiting > 0) return;
          stop();
          resolve(status);
        },
        reject,
      );
    });
  }

  /** A device that is connected. */
  device() {
    const tasks = createCollection(
      convexCollectionOptions({
        convexClient: this.client,
        api: anyApi["tasks"] as never,
        fields,
        storage: memoryStorage(),
      }),
    );
    return tasks;
  }
}
