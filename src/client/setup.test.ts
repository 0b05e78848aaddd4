import { v } from "convex/values";
import { expect, it } from "vitest";
import { compileFields } from "../shared/compiled-fields.js";
import { defineFields } from "../shared/fields.js";
import {
  difference,
  encodeOperations,
  flatten,
  type Operations,
  type RowFields,
} from "../shared/operations.js";
import { FIELDS_PART, loadPart, mintUpdate, renderRow } from "../shared/plain-part.js";
import { toArrayBuffer } from "../shared/values.js";
import type { StreamEntry } from "../shared/wire.js";
import type { Environment } from "./platform/environment.js";
import type { NumberedRecord } from "./store/mint.js";
import type { Page } from "./platform/page.js";
import type { OutboxRecord, StoredRecord } from "./store/records.js";

export const taskFields = defineFields({
  title: v.string(),
  done: v.optional(v.boolean()),
  details: v.optional(v.object({ due: v.optional(v.string()), notes: v.optional(v.string()) })),
  big: v.optional(v.int64()),
  data: v.optional(v.bytes()),
  number: v.optional(v.number()),
});
export const fields = compileFields(taskFields);
export const { tree } = fields;

/** The operations that make a row out of nothing. */
export const inserting = (row: RowFields): Operations => difference(new Map(), flatten(row, tree));

export const setting = (values: Record<string, Parameters<Operations["set"]>[1]>): Operations =>
  new Map(Object.entries(values));

type Kind = OutboxRecord["kind"];

/** A record of document `a`, as a tab holds it. */
export function local(
  kind: Kind,
  generation: number,
  operations: Operations = new Map(),
  rest: Partial<OutboxRecord> = {},
): OutboxRecord {
  const record = { seq: null, document: "a", kind, generation, operations, madeAt: null };
  return { ...record, rejected: null, ...rest };
}

/** A record of document `a`, as it is stored. */
export function stored(
  seq: number,
  kind: Kind,
  generation: number,
  operations: Operations = new Map(),
  rest: Partial<StoredRecord> = {},
): NumberedRecord {
  const record = { document: "a", kind, generation, madeAt: null, rejected: null };
  return {
    seq,
    record: {
      ...record,
      operations: encodeOperations(operations),
      ...{ group: null, update: null, alone: false },
      ...rest,
    },
  };
}

/** Bytes that carry `operations` on top of `updates`. */
export function bytesOf(
  operations: Operations,
  updates: Uint8Array[] = [],
  clientId = 77,
): Uint8Array<ArrayBuffer> {
  return mintUpdate(loadPart(updates), operations, clientId)!;
}

export const renderBytes = (...updates: (Uint8Array | ArrayBuffer)[]) =>
  renderRow(loadPart(updates.map((update) => new Uint8Array(update))), tree);

export type Entry = StreamEntry & { bytes: ArrayBuffer };

/** A log entry of document `a` unless `rest` says otherwise. */
export function entry(
  generation: number,
  bytes: Uint8Array | null,
  rest: Partial<Entry> = {},
): Entry {
  return {
    document: "a",
    part: FIELDS_PART,
    generation,
    kind: bytes ? "update" : "tombstone",
    bytes: toArrayBuffer(bytes ?? new Uint8Array()),
    ...rest,
  };
}

type Timer = { at: number; order: number; run: () => void };

/** Time that passes only when told to; every timer has all its consequences before the next. */
export class VirtualTime implements Environment {
  fired = 0;
  /** How far the user has moved the clock on the wall. */
  wallClockShift = 0;
  #now = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  now = () => Date.UTC(2026, 0, 1) + this.#now + this.wallClockShift;
  elapsed = () => this.#now;
  random = () => 0.5;

  after = (ms: number, run: () => void) => {
    const timer = { at: this.#now + ms, order: this.#order++, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /** Timers that have neither fired nor been cancelled. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** @throws when there are so many timers that someone must be in a loop. */
  async advance(ms: number, maxTimers = 20_000): Promise<void> {
    const end = this.#now + ms;
    await quiet();
    for (let count = 0; ; count++) {
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at || a.order - b.order);
      if (next === undefined || next.at > end) break;
      if (count > maxTimers) throw new Error(`More than ${maxTimers} timers in ${ms} ms`);
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      this.fired += 1;
      next.run();
      await quiet();
    }
    this.#now = end;
  }
}

/** A page that is shown, hidden and left by hand. */
export class FakePage implements Page {
  visible = true;
  readonly watchers = new Set<(visible: boolean) => void>();
  readonly #questions = new Set<() => boolean>();

  isVisible = () => this.visible;

  onVisibility = (listener: (visible: boolean) => void) => {
    this.watchers.add(listener);
    return () => void this.watchers.delete(listener);
  };

  onNetwork = () => () => undefined;

  askBeforeLeaving = (isUnsafe: () => boolean) => {
    this.#questions.add(isUnsafe);
    return () => void this.#questions.delete(isUnsafe);
  };

  setVisible(visible: boolean) {
    this.visible = visible;
    for (const tell of [...this.watchers]) tell(visible);
  }

  /** Whether the browser would ask before this page is left. */
  asksBeforeLeaving(): boolean {
    return [...this.#questions].some((isUnsafe) => isUnsafe());
  }
}

/** For `vi.waitFor`, which waits a second by default: a busy machine must not fail a test. */
export const PATIENTLY = { timeout: 15_000 };

export const SECOND = 1_000;
export const HOUR = 3_600 * SECOND;

/** Resolves once no promise has anything left to do. */
export async function quiet(): Promise<void> {
  for (let round = 0; round < 3; round++) await new Promise((resolve) => setImmediate(resolve));
}

it("virtual time runs timers in order, with their consequences, and no cancelled ones", async () => {
  const time = new VirtualTime();
  const seen: string[] = [];
  time.after(20, () => seen.push("late"));
  time.after(10, () => {
    void Promise.resolve().then(() => time.after(5, () => seen.push("consequence")));
  });
  time.after(15, () => seen.push("cancelled"))();
  await time.advance(19);
  expect(seen).toEqual(["consequence"]);
  await time.advance(1);
  expect(seen).toEqual(["consequence", "late"]);
  expect(time.waiting).toBe(0);
});
