import fc from "fast-check";
import { componentsGeneric } from "convex/server";
import * as Y from "yjs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { addUpdate, advance, emptyBase, type BaseDocument } from "../client/store/base.js";
import type { ComponentApi } from "../component/_generated/component.js";
import { difference, flatten, type RowFields } from "../shared/operations.js";
import {
  FIELDS_PART,
  isComplete,
  loadPart,
  mintUpdate,
  readFlat,
  renderRow,
} from "../shared/plain-part.js";
import { toArrayBuffer } from "../shared/values.js";
import type { Change, WholeEntry } from "../shared/wire.js";
import { newApp, push, storedRow, tree, type App } from "./setup.test.js";

// Whatever happens between writes, removals, compactions, pruning and readers that stopped anywhere:
// nothing that was accepted is lost, everyone ends up with the table (S5, S6), and the statistics,
// which are only ever told what changed, with what the log holds.

const RUNS = Number(process.env["RUNS"] ?? 15);
const DOCUMENTS = ["a", "b", "c"];
const DEVICES = 3;

const component = componentsGeneric()["replicate"] as unknown as ComponentApi;

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

const device = fc.nat({ max: DEVICES - 1 });
const document = fc.constantFrom(...DOCUMENTS);
/** Only what is older is compacted. A second passes with every step. */
const seconds = fc.constantFrom(0, 2, 5, 10);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("edit" as const), device, document }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), device, document }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("push" as const), device }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("page" as const), device }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("editTable" as const), document }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("compact" as const), document, seconds }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("prune" as const), seconds }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const LONG = { timeout: 600_000 };

it(
  "loses nothing and keeps everyone together, whoever reads, writes and compacts when",
  LONG,
  async () => {
    const steps = fc.array(step, { maxLength: 80, size: "max" });
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const world = new World();
        await count(world.app, "repair");
        for (const one of all) await world.take(one);
        await world.settle();
        expect(await count(world.app, "verify")).toEqual([]);
      }),
      { numRuns: RUNS, seed: Number(process.env["SEED"] ?? 1) },
    );
  },
);

/** What is pushed next for a document; `key` names what it must leave behind. */
type Pending = { change: Change; key: string | null };

class World {
  readonly app = newApp({ compaction: { entries: 4, bytes: 2_000, minAgeMs: 5_000 } });
  readonly devices = Array.from({ length: DEVICES }, (_, n) => new Lagging(this.app, 10 + n));
  /** Every accepted write: it has to be there for as long as its generation lives. */
  readonly kept: { document: string; generation: number; key: string }[] = [];
  #count = 0;

  async take(one: Step): Promise<void> {
    vi.setSystemTime(Date.now() + 1_000);
    if (one.do === "edit") this.devices[one.device]!.edit(one.document, `k${this.#count++}`);
    else if (one.do === "remove") this.devices[one.device]!.remove(one.document);
    else if (one.do === "push") this.kept.push(...(await this.devices[one.device]!.push()));
    else if (one.do === "page") await this.devices[one.device]!.readPage();
    else if (one.do === "editTable") await this.#editTable(one.document);
    else if (one.do === "prune") await prune(this.app, one.seconds + 1);
    else await compact(this.app, one.document, one.seconds * 1_000);
  }

  async #editTable(id: string): Promise<void> {
    const title = `directly ${this.#count++}`;
    await this.app.run(async (ctx) => {
      const row = await ctx.db
        .query("tasks")
        .withIndex("by_doc_id", (q) => q.eq("id", id))
        .unique();
      if (row) await ctx.db.patch(row._id, { title });
    });
  }

  async settle(): Promise<void> {
    for (const one of this.devices) {
      await one.readAll();
      this.kept.push(...(await one.push()));
    }
    for (const one of this.devices) {
      await one.readAll();
      for (const id of DOCUMENTS) {
        // Whoever has not heard of a removal may not go on showing what was removed.
        if ((await storedRow(this.app, id)) === null) expect(one.row(id), id).toBeNull();
      }
    }
    // Edits of the table come to light with the next change of the document.
    const last = new Lagging(this.app, 99);
    for (const id of DOCUMENTS) {
      await last.readAll();
      last.edit(id, `last ${id}`);
      this.kept.push(...(await last.push()));
    }
    await this.#expectTogether();
    for (const id of DOCUMENTS) await compact(this.app, id, 0);
    await this.#expectTogether();
    await prune(this.app, 1);
    await this.#expectTogether();
  }

  async #expectTogether(): Promise<void> {
    const readers = [...this.devices, new Lagging(this.app, 100)];
    for (const reader of readers) await reader.readAll();
    for (const id of DOCUMENTS) {
      const row = await storedRow(this.app, id);
      for (const reader of readers) expect(reader.row(id), id).toEqual(row);
      const { generation } = readers[0]!.base(id);
      const lost = this.kept.filter(
        (one) =>
          one.document === id &&
          one.generation === generation &&
          !(one.key in (row?.["votes"] as object)),
      );
      expect(lost).toEqual([]);
    }
  }
}

/** What a count of the whole log finds the statistics to be off by. */
async function count(app: App, how: "verify" | "repair") {
  const args = { collection: "tasks" };
  await app.mutation((ctx) => ctx.runMutation(component.statistics[how], args));
  await app.finishAllScheduledFunctions(vi.runAllTimers);
  const last = await app.query((ctx) => ctx.runQuery(component.statistics.lastCount, args));
  return last?.drifts;
}

const compact = (app: App, id: string, minAgeMs: number) =>
  app.mutation(async (ctx) => {
    await ctx.runMutation(component.compaction.compact, {
      collection: "tasks",
      part: FIELDS_PART,
      documents: [id],
      thresholds: { entries: 1, bytes: 1, minAgeMs },
    });
  });

async function prune(app: App, seconds: number) {
  await app.mutation(async (ctx) => {
    const pruning = { everyHours: 1, retentionDays: seconds / (24 * 60 * 60) };
    await ctx.runMutation(component.maintenance.configure, { pruning });
    await ctx.runMutation(component.maintenance.run, { sweep: "pruning" });
  });
  await app.finishAllScheduledFunctions(vi.runAllTimers);
}

/** A client that reads one entry at a time and may stop anywhere, with the real client's base. */
class Lagging {
  readonly #bases = new Map<string, BaseDocument>();
  readonly #pending = new Map<string, Pending>();
  #cursor: string | null = null;
  #inserts = 0;
  resets = 0;
  /** Until all is loaded again, what is here is not enough to make changes on, or to add them to. */
  #isResetting = false;

  constructor(
    readonly app: App,
    readonly clientId: number,
  ) {}

  base = (id: string) => this.#bases.get(id) ?? emptyBase();

  row(id: string): RowFields | null {
    const { live, updates } = this.base(id);
    const doc = loadPart(live ? updates : []);
    expect(isComplete(doc), "something is missing that was built upon").toBe(true);
    return renderRow(doc, tree);
  }

  edit(id: string, key: string) {
    if (this.#pending.has(id) || this.#isResetting) return;
    const { generation, live, updates } = this.base(id);
    const row = this.row(id);
    const doc = loadPart(live ? updates : []);
    const votes = { ...(row?.["votes"] as RowFields | undefined), [key]: 1 };
    const edits = difference(readFlat(doc), flatten({ title: key, votes }, tree));
    // An insert is made by an id of its own, as the real client does where it must.
    const clientId = live ? this.clientId : this.clientId * 1_000 + this.#inserts++;
    const update = mintUpdate(doc, edits, clientId)!;
    const change: Change = {
      document: id,
      generation: live ? generation : generation + 1,
      op: live ? "update" : "insert",
      parts: [{ part: FIELDS_PART, update: toArrayBuffer(update) }],
    };
    this.#pending.set(id, { change, key });
  }

  remove(id: string) {
    const { generation, live } = this.base(id);
    if (this.#pending.has(id) || !live) return;
    const change: Change = { document: id, generation, op: "remove", parts: [] };
    this.#pending.set(id, { change, key: null });
  }

  /** Sends everything in one transaction, so that its entries tie. */
  async push() {
    // As the real client, which sends nothing before it has a position to be brought up to date from.
    if (this.#isResetting || this.#cursor === null) return [];
    const sent = [...this.#pending.values()];
    this.#pending.clear();
    const results = await push(this.app, ...sent.map(({ change }) => change));
    return sent.flatMap(({ change, key }, index) => {
      const result = results[index]!;
      const [part] = change.parts;
      // An edit of what was removed so long ago that nobody remembers.
      if (result.status === "rejected") expect(result.code).toBe("UNKNOWN_DOCUMENT");
      if (result.status !== "accepted" || !part || key === null) return [];
      const { document } = change;
      const update = new Uint8Array(part.update);
      const base = addUpdate(this.base(document), result.generation, update);
      // As the real client, which renders what it has just been told was accepted.
      this.#bases.set(document, { ...base, updates: merged(base.updates) });
      return [{ document, generation: result.generation, key }];
    });
  }

  async readPage(): Promise<boolean> {
    const page = await this.app.query((ctx) =>
      ctx.runQuery(component.log.stream, {
        collection: "tasks",
        scope: "",
        cursor: this.#cursor,
        maxBytes: 1,
      }),
    );
    if (page.reset) {
      this.#bases.clear();
      this.resets++;
      this.#isResetting = true;
    }
    if (page.done) this.#isResetting = false;
    for (const entry of page.entries as WholeEntry[]) {
      const advanced = advance(this.base(entry.document), [entry], tree);
      if (advanced) this.#bases.set(entry.document, advanced.base);
    }
    this.#cursor = page.cursor;
    return page.done;
  }

  async readAll() {
    const { resets } = this;
    while (!(await this.readPage()));
    expect(this.resets - resets, "it begins anew for ever").toBeLessThanOrEqual(1);
  }
}

function merged(updates: Uint8Array[]): Uint8Array[] {
  return [Y.encodeStateAsUpdate(loadPart(updates))];
}
