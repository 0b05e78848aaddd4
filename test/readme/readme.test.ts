import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Collection } from "@tanstack/db";
import { ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import type { ReplicateUtils } from "convex-replicate/client";
import { register } from "convex-replicate/test";
import { createElement, type FunctionComponent } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { devToken, startBackend, type Backend } from "../../dev/backend/index.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const app = join(root, ".cache/readme-app");

/** The README's code blocks that say which file they are. */
function snippets(): Map<string, string> {
  const blocks = readFileSync(join(root, "README.md"), "utf8").matchAll(/```tsx?\n([\s\S]*?)```/g);
  const files = new Map<string, string>();
  for (const [, code = ""] of blocks) {
    const name = /^\/\/ (\S+\.tsx?)\n/.exec(code)?.[1];
    if (name) files.set(name, code);
  }
  return files;
}

/** `scaffold/src/use.ts`, which compiles only beside the README's own files. */
type ReaderApp = {
  tasks: Collection<{ id: string; title: string; done: boolean }, string, ReplicateUtils<object>>;
  convexClient: {
    setAuth(fetchToken: () => Promise<string>): void;
    close(): Promise<void>;
  };
  addTask(title: string): string;
  finish(id: string): void;
};

/** A collection that was refused tries again with backoff. */
const WAIT = { timeout: 20_000 };

// Rendered without an auth provider.
vi.mock("convex/react", async (original) => ({
  ...(await original<typeof import("convex/react")>()),
  useConvexAuth: () => ({ isLoading: false, isAuthenticated: true }),
}));

let backend: Backend;

beforeAll(async () => {
  rmSync(app, { recursive: true, force: true });
  for (const [name, code] of snippets()) {
    mkdirSync(dirname(join(app, name)), { recursive: true });
    writeFileSync(join(app, name), code);
  }
  cpSync(join(root, "test/readme/scaffold"), app, { recursive: true });
  mkdirSync(join(app, "node_modules"));
  symlinkSync(root, join(app, "node_modules/convex-replicate"), "dir");

  const file = (name: string) => () => import(/* @vite-ignore */ join(app, "convex", name));
  backend = await startBackend({
    app: {
      modules: {
        "./convex/_generated/api.ts": file("_generated/api.ts"),
        "./convex/schema.ts": file("schema.ts"),
        "./convex/tasks.ts": file("tasks.ts"),
      },
      register: (t) => register(t),
    },
  });
  vi.stubEnv("VITE_CONVEX_URL", backend.url);
  vi.stubGlobal("WebSocket", WebSocket);
});

afterAll(() => backend.close());

it("has every file that it takes", () => {
  expect([...snippets().keys()]).toEqual([
    "convex/convex.config.ts",
    "convex/fields.ts",
    "convex/schema.ts",
    "convex/tasks.ts",
    "src/tasks.ts",
    "src/Tasks.tsx",
  ]);
});

it("compiles as it stands", () => {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const check = () => execFileSync(process.execPath, [tsc, "-p", app], { encoding: "utf8" });
  expect(check).not.toThrow();
});

it("runs as it stands: a task written on the client is a row on the server", async () => {
  const { tasks, convexClient, addTask, finish } = (await import(
    /* @vite-ignore */ join(app, "src/use.ts")
  )) as ReaderApp;
  await tasks.preload();
  await vi.waitFor(() => expect(tasks.utils.status.get().phase).toBe("blocked"), WAIT);
  expect(tasks.utils.status.get().reason).toMatchObject({ message: "Please sign in." });

  const token = devToken({ sub: "ann" });
  convexClient.setAuth(async () => token);
  await vi.waitFor(() => expect(tasks.utils.status.get().phase).toBe("live"), WAIT);
  const id = addTask("Buy milk");
  expect(tasks.get(id)).toMatchObject({ title: "Buy milk", done: false });
  finish(id);
  await tasks.utils.flush();

  const http = new ConvexHttpClient(backend.url, { skipConvexDeploymentUrlCheck: true });
  http.setAuth(token);
  const material = makeFunctionReference<"query">("tasks:material");
  const first = { paginationOpts: { numItems: 10, cursor: null } };
  expect(await http.query(material, first)).toMatchObject({
    page: [{ id, title: "Buy milk", done: true, details: {} }],
  });

  tasks.delete(id); // refused by the README's hook
  await vi.waitFor(() => expect(tasks.utils.status.get().rejected).toBe(1), WAIT);
  expect(tasks.has(id)).toBe(true);
  expect(tasks.utils.outbox.list()).toMatchObject([
    { status: "rejected", code: "REFUSED", message: "Finished tasks are kept." },
  ]);
  await tasks.cleanup();
  await convexClient.close();
});

it("renders as it stands", async () => {
  const { App } = (await import(/* @vite-ignore */ join(app, "src/Tasks.tsx"))) as {
    App: FunctionComponent<{ userId: string }>;
  };
  const page = renderToString(createElement(App, { userId: "bob" }));
  expect(page).toBe('<ul title="loading, 0 to send"></ul>');
});
