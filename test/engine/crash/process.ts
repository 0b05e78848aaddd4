import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";

const CACHE = join(process.cwd(), ".cache");

/** Bundles the child into a folder from which it finds the same packages. */
export async function bundleChild(): Promise<{ folder: string; file: string }> {
  await mkdir(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "crash-"));
  const file = join(folder, "child.mjs");
  await build({
    entryPoints: [join(import.meta.dirname, "child.ts")],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "error",
  });
  return { folder, file };
}

export interface Child {
  url: string;
  /** Resolves once the process is gone. */
  kill(): Promise<void>;
}

export async function startChild(file: string, dataFolder: string): Promise<Child> {
  const child = spawn(process.execPath, [file, dataFolder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await Promise.race([firstLine(child), failure(child)]);
  return {
    url,
    kill: async () => {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [line] = (await once(createInterface(child.stdout!), "line")) as [string];
  return line;
}

async function failure(child: ChildProcess): Promise<never> {
  const [code] = (await once(child, "exit")) as [number | null];
  throw new Error(`The backend ended with code ${code} before it was there.`);
}
