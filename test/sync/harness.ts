import { createCollection } from "@tanstack/db";
import { ConvexClient } from "convex/browser";
import {
  convexCollectionOptions,
  memoryStorage,
  type ConvexCollectionConfig,
  type ReplicaStorage,
} from "convex-replicate/client";
import { register } from "convex-replicate/test";
import { afterEach, expect, vi } from "vitest";
import { WebSocket } from "ws";
import { startBackend, type Backend } from "../../dev/backend/index.js";
import { api } from "./app/convex/_generated/api.js";
import { taskFields, type Task } from "./app/convex/fields.js";

const cleanups: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The fixture's real functions behind the real protocol. */
export async function startApp(port?: number, dataFolder?: string): Promise<Backend> {
  const backend = await startBackend({
    app: {
      modules: import.meta.glob("./app/convex/**/*.ts"),
      register: (t) => register(t),
    },
    ...(port === undefined ? {} : { port }),
    ...(dataFolder === undefined ? {} : { dataFolder }),
    onFunctionError: () => undefined,
  });
  cleanups.push(() => backend.close());
  return backend;
}

export type DeviceOptions = Partial<ConvexCollectionConfig<typeof taskFields>> & {
  storage?: ReplicaStorage;
};

/** One page of one user: a real client over WebSocket, and a collection on storage of its own. */
export function openDevice(backend: Pick<Backend, "url">, options: DeviceOptions = {}) {
  const storage = options.storage ?? memoryStorage();
  const network = cuttableNetwork();
  const client = new ConvexClient(backend.url, {
    skipConvexDeploymentUrlCheck: true,
    webSocketConstructor: network.WebSocket,
    logger: false,
  });
  const tasks = createCollection(
    convexCollectionOptions({
      convexClient: client,
      api: api.tasks,
      fields: taskFields,
      startSync: true,
      ...options,
      storage,
    }),
  );
  let closed: Promise<unknown> | undefined;
  const close = () => (closed ??= tasks.cleanup().then(() => client.close()));
  cleanups.push(close);
  return { tasks, client, storage, network, close, utils: tasks.utils };
}

export type Device = ReturnType<typeof openDevice>;

/** Sockets that can be cut for as long as one likes, as an aeroplane does, and count what arrives. */
export function cuttableNetwork() {
  const open = new Set<WebSocket>();
  let isCut = false;
  let received = 0;
  class CuttableWebSocket extends WebSocket {
    constructor(url: string) {
      super(isCut ? "ws://127.0.0.1:9" : url);
      open.add(this);
      this.on("close", () => open.delete(this));
      this.on("message", (data: Buffer) => (received += data.byteLength));
    }
  }
  return {
    WebSocket: CuttableWebSocket as unknown as typeof globalThis.WebSocket,
    cut() {
      isCut = true;
      for (const socket of open) socket.terminate();
    },
    restore() {
      isCut = false;
    },
    /** Bytes that have arrived so far. */
    get received() {
      return received;
    },
  };
}

export function task(id: string, fields: Partial<Task> = {}): Task {
  return { id, title: `Task ${id}`, votes: 0, ...fields };
}

/** The app's table, without the columns that count and date changes. */
export async function tableOf(device: Device): Promise<Task[]> {
  const rows = (await device.client.query(api.tasks.table, {})) as (Task & {
    version: number;
    timestamp: number;
  })[];
  return rows.map(({ version: _, timestamp: __, ...row }) => row);
}

/** The rows of a collection as plain data, by id. */
export function rowsOf({ tasks }: Device): Task[] {
  return tasks.toArray.map((row) => strip(row)).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** A row without the properties that TanStack DB adds. */
export function strip(row: object | undefined): Task {
  return Object.fromEntries(
    Object.entries(row ?? {}).filter(([key]) => !key.startsWith("$")),
  ) as Task;
}

/** Waits until every device shows what the table holds, and nothing is pending anywhere. */
export async function converged(...devices: Device[]): Promise<Task[]> {
  await eventually(async () => {
    const rows = await tableOf(devices[0]!);
    for (const device of devices) {
      expect(rowsOf(device)).toEqual(rows);
      expect(device.utils.status.get().pending).toBe(0);
    }
  });
  return rowsOf(devices[0]!);
}

export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 15_000, interval: 20 });
}
