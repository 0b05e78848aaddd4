/// <reference types="vite/client" />
import { convexTest, type TestConvex } from "convex-test";
import type { FunctionArgs } from "convex/server";
import { expect, it } from "vitest";
import { api } from "./_generated/api.js";
import { encodeCursor, type TiePosition } from "./position.js";
import schema from "./schema.js";

const modules = import.meta.glob(["./**/*.ts", "!./**/*.test.ts"]);

export type Log = TestConvex<typeof schema>;
export type NewEntry = FunctionArgs<typeof api.log.append>["entries"][number];
type PageArgs = Partial<FunctionArgs<typeof api.log.stream>>;

/** An empty log, the component as the root, under Convex's transaction limits. */
export const newLog = (): Log => convexTest({ schema, modules, transactionLimits: true });

export function entry(document: string, overrides: Partial<NewEntry> = {}): NewEntry {
  const bytes = new TextEncoder().encode(document).buffer as ArrayBuffer;
  return {
    scope: "",
    document,
    part: "fields",
    generation: 1,
    kind: "update",
    begins: false,
    bytes,
    ...overrides,
  };
}

/** The cursor of someone who has read everything up to a place. */
export const cursorAt = (ts: bigint, inTie: TiePosition | null = null) =>
  encodeCursor({ ts, inTie, asOf: ts, epoch: "" });

/** Bytes that tell any two places apart. */
export function patterned(size: number): ArrayBuffer {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + (at >> 8)) & 255;
  return bytes.buffer;
}

/** Large bytes in short, because a diff of megabytes takes minutes. */
export function fingerprint(bytes: ArrayBuffer): string {
  const sum = new Uint8Array(bytes).reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 7);
  return `${bytes.byteLength} bytes, ${sum}`;
}

export const append = (log: Log, ...entries: NewEntry[]) =>
  log.mutation(api.log.append, { collection: "tasks", entries });

/** A page with the bytes of all its entries, unless `args` ask for stubs. */
export async function stream(log: Log, args: PageArgs = {}) {
  const whole = { collection: "tasks", scope: "", cursor: null, ...args };
  const page = await log.query(api.log.stream, whole);
  return {
    ...page,
    entries: page.entries as ((typeof page.entries)[number] & { bytes: ArrayBuffer })[],
  };
}

export const read = (log: Log, ...documents: string[]) =>
  log.query(api.log.read, {
    collection: "tasks",
    part: "fields",
    documents,
    endedSince: documents.map(() => 0),
  });

const MAX_PAGES = 100;

/** Every page from `cursor` to the end; `between` runs after each page that is not the last. */
export async function pages(log: Log, args: PageArgs = {}, between = async () => {}) {
  const all = [await stream(log, args)];
  while (!all.at(-1)!.done) {
    expect(all.length, "the log never ends").toBeLessThan(MAX_PAGES);
    await between();
    all.push(await stream(log, { ...args, cursor: all.at(-1)!.cursor }));
  }
  return all;
}

export async function documentsOf(log: Log, args: PageArgs = {}) {
  return (await pages(log, args)).flatMap((page) => page.entries.map((one) => one.document));
}

it("starts as an empty log that is done at once", async () => {
  expect(await stream(newLog())).toStrictEqual({
    entries: [],
    cursor: cursorAt(0n),
    done: true,
    progress: 1,
    reset: null,
  });
});
