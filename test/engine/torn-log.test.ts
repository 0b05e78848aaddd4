// @vitest-environment node
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createEngine, type Engine } from "../../dev/backend/engine/engine.js";
import type { FunctionArgs } from "../../dev/backend/runtime.js";
import { insertRow, ledgerApp } from "./ledger.js";

const LOG = "log-0";
const COMMITS = 4;

it("a log that ends anywhere within its last record is without that commit, and goes on", async () => {
  const { folder, bytes } = await writtenLog();
  const lastRecord = bytes.lastIndexOf("\n", bytes.length - 2) + 1;
  for (let length = lastRecord; length <= bytes.length; length++) {
    const isWhole = length === bytes.length;
    const copy = copyOf(folder, bytes.subarray(0, length), `cut-${length}`);
    const reopened = await open(copy);
    expect(reopened.count("", "rows"), `${length} bytes`).toBe(isWhole ? COMMITS : COMMITS - 1);
    await insert(reopened, 99);
    await reopened.close();
    const again = await open(copy);
    expect(again.count("", "rows")).toBe(isWhole ? COMMITS + 1 : COMMITS);
    await again.close();
  }
});

it("a log damaged before its last record is refused", async () => {
  const { folder, bytes } = await writtenLog();
  const damaged = Buffer.from(bytes);
  damaged[damaged.indexOf("rows")]! ^= 1;
  await expect(open(copyOf(folder, damaged, "damaged"))).rejects.toThrow(/damaged/);
});

async function writtenLog(): Promise<{ folder: string; bytes: Buffer }> {
  const folder = mkdtempSync(join(tmpdir(), "engine-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const data = join(folder, "data");
  const engine = await open(data);
  for (let uid = 0; uid < COMMITS; uid++) await insert(engine, uid);
  await engine.close();
  return { folder, bytes: readFileSync(join(data, LOG)) };
}

function copyOf(folder: string, log: Buffer, name: string): string {
  const copy = join(folder, name);
  mkdirSync(copy);
  writeFileSync(join(copy, LOG), log);
  return copy;
}

async function open(folder: string): Promise<Engine> {
  const engine = await createEngine(ledgerApp);
  await engine.open(folder);
  return engine;
}

async function insert(engine: Engine, uid: number): Promise<void> {
  const args = { steps: [insertRow("a", 0, uid)] } as unknown as FunctionArgs;
  const run = await engine.runMutation({ path: "programs:mutation", args, identity: null });
  expect(run.outcome).toMatchObject({ type: "value" });
}
