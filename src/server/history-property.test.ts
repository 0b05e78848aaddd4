import fc from "fast-check";
import {
  anyApi,
  componentsGeneric,
  type DefaultFunctionArgs,
  type FunctionReference,
} from "convex/server";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ComponentApi } from "../component/_generated/component.js";
import type { RowFields } from "../shared/operations.js";
import { FIELDS_PART } from "../shared/plain-part.js";
import { Replicate } from "./index.js";
import type { Change, PushResult } from "../shared/wire.js";
import { Device, newApp, sender, storedRow, taskFields, type App } from "./setup.test.js";

// Whatever is written, removed, inserted again, edited behind our back, compacted and swept: every version that
// was to be kept is what the table held after its commit, and no other answer is ever wrong.

const RUNS = Number(process.env["RUNS"] ?? 10);
const LONG = { timeout: 600_000 };
const DOCUMENTS = ["a", "b"];
const DEVICES = 3;

const component = componentsGeneric()["replicate"] as unknown as ComponentApi;
const tasks = new Replicate(component, "tasks", { fields: taskFields });

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

const document = fc.constantFrom(...DOCUMENTS);
const some = fc.uniqueArray(document, { minLength: 1 });
const device = fc.nat({ max: DEVICES - 1 });
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("write" as const),
      device,
      documents: some,
      // In the log row, and beside it.
      size: fc.constantFrom(0, 0, 0, 0, 5_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), device, document }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("patchRow" as const), document }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("deleteRow" as const), document }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("compact" as const), document }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("sweep" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
const steps = fc.array(step, { minLength: 1, maxLength: 25, size: "max" });
const settings = { numRuns: RUNS, seed: Number(process.env["SEED"] ?? 1) };

it("every commit stays a version, and says what the table held after it", LONG, async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const world = new World(true);
      for (const one of all) await world.take(one);
      await world.take({ do: "sweep" });
      for (const { id, ts, row } of world.seen) expect(await world.at(id, ts), id).toEqual(row);
      for (const id of DOCUMENTS) await world.expectConsistent(id);
    }),
    settings,
  );
});

it("switched on and off, it tells what was on, and nothing wrong of the rest", LONG, async () => {
  const toggled = fc.array(fc.tuple(fc.boolean(), steps), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(toggled, async (phases) => {
      const world = new World(false);
      for (const [history, all] of phases) {
        world.history = history;
        for (const one of all.slice(0, 8)) await world.take(one);
      }
      await world.take({ do: "sweep" });
      for (const { id, ts, row, kept } of world.seen) {
        const told = await world.at(id, ts);
        if (kept || told !== null) expect(told, id).toEqual(row);
      }
    }),
    settings,
  );
});

it("nothing is kept unless it is to be", LONG, async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const world = new World(false);
      for (const one of all) await world.take(one);
      for (const id of DOCUMENTS) {
        const device = await world.deviceThatKnows();
        await world.push(device.row(id) ? device.remove(id) : device.insert(id, { title: "" }));
        const versions = await world.versions(id);
        expect(versions.filter(({ op }) => op === "update" || op === "snapshot")).toEqual([]);
      }
    }),
    settings,
  );
});

class World {
  readonly app: App;
  history: boolean;
  /** Each accepted write, with the row that it left in the table. */
  readonly seen: { id: string; ts: bigint; row: RowFields | null; kept: boolean }[] = [];
  readonly #devices: Device[] = Array.from({ length: DEVICES }, (_, n) => new Device(10 + n));
  #count = 0;

  constructor(history: boolean) {
    const compaction = { entries: 4, bytes: 20_000, minAgeMs: 10_000 };
    this.app = newApp({ history: true, compaction }, { history: false, compaction });
    this.history = history;
  }

  async take(one: Step): Promise<void> {
    vi.setSystemTime(Date.now() + 1_000);
    if (one.do === "write") await this.#write(one.device, one.documents, one.size);
    else if (one.do === "remove") await this.#remove(one.device, one.document);
    else if (one.do === "compact") await this.#compact(one.document);
    else if (one.do === "sweep") await this.#sweep();
    else await this.#editTable(one.do, one.document);
  }

  /** Later than what it knows, and under an id of its own: each device makes one push only. */
  async deviceThatKnows(): Promise<Device> {
    const device = new Device(100 + this.#count++);
    await device.pull(this.app);
    return device;
  }

  async #write(index: number, ids: string[], size: number) {
    const device = this.#devices[index]!;
    const changes = ids.map((id) => {
      const key = `k${this.#count++}`;
      const row = {
        title: key,
        votes: { [key]: 1 },
        ...(size > 0 && { data: key.repeat(size / key.length) }),
      };
      return device.row(id) === null ? device.insert(id, row) : device.update(id, row);
    });
    await this.#push(index, changes);
  }

  async #remove(index: number, id: string) {
    const device = this.#devices[index]!;
    if (device.row(id) !== null) await this.#push(index, [device.remove(id)]);
  }

  async push(...changes: Change[]): Promise<PushResult> {
    const { push } = anyApi[this.history ? "tasks" : "otherTasks"]!;
    const mutation = push as unknown as FunctionReference<
      "mutation",
      "public",
      DefaultFunctionArgs,
      PushResult
    >;
    return this.app.mutation(mutation, { sender, changes });
  }

  async #push(index: number, changes: Change[]) {
    for (const { document: id, result } of await this.push(...changes)) {
      if (result.status !== "accepted" || result.ts === null) continue;
      const row = await storedRow(this.app, id);
      this.seen.push({ id, ts: result.ts as bigint, row, kept: this.history });
    }
    this.#devices[index] = await this.deviceThatKnows();
  }

  async #compact(id: string) {
    await this.app.mutation(async (ctx) => {
      await ctx.runMutation(component.compaction.compact, {
        collection: "tasks",
        part: FIELDS_PART,
        documents: [id],
        thresholds: { entries: 1, bytes: 1, minAgeMs: 2_000 },
      });
    });
  }

  async #sweep() {
    vi.setSystemTime(Date.now() + 60 * 60_000);
    await this.app.mutation((ctx) =>
      ctx.runMutation(component.maintenance.run, { sweep: "compaction" }),
    );
    await this.app.finishAllScheduledFunctions(vi.runAllTimers);
  }

  async #editTable(how: "patchRow" | "deleteRow", id: string) {
    const title = `directly ${this.#count++}`;
    await this.app.run(async (ctx) => {
      const row = await ctx.db
        .query("tasks")
        .withIndex("by_doc_id", (q) => q.eq("id", id))
        .unique();
      if (row && how === "patchRow") await ctx.db.patch(row._id, { title });
      else if (row) await ctx.db.delete(row._id);
      else await ctx.db.insert("tasks", { id, title, version: 1, timestamp: 0 });
    });
  }

  versions = (id: string) => this.app.query((ctx) => tasks.versions(ctx, id, { limit: 200 }));

  async at(id: string, ts: bigint): Promise<RowFields | null> {
    const row = await this.app.query((ctx) => tasks.rowAt(ctx, id, ts));
    if (row === null) return null;
    const { id: named, ...fields } = row;
    expect(named).toBe(id);
    return fields as RowFields;
  }

  /** The list has every write, in order, says what each did, and each holds until the next one. */
  async expectConsistent(id: string) {
    const versions = (await this.versions(id)).reverse();
    const listed = versions.map(({ ts }) => ts);
    expect(listed).toEqual([...new Set(listed)].sort((a, b) => Number(a - b)));
    const written = this.seen.filter((one) => one.id === id).map(({ ts }) => ts);
    expect(listed).toEqual(expect.arrayContaining(written));
    let before: RowFields | null = null;
    for (const { ts, op } of versions) {
      expect(await this.at(id, ts - 1n)).toEqual(before);
      const row = await this.at(id, ts);
      if (row === null) expect(op).toBe("remove");
      else if (before === null) expect(op).toBe("insert");
      else expect(["insert", "update"]).toContain(op);
      before = row;
    }
  }
}
