import { v } from "convex/values";
import { IndexeddbPersistence } from "y-indexeddb";
import * as Y from "yjs";
import { realEnvironment } from "../src/client/platform/environment.js";
import { LocalData } from "../src/client/local-data/local-data.js";
import { indexedDBStorage } from "../src/client/storage/indexeddb.js";
import { compileFields } from "../src/shared/compiled-fields.js";
import { difference, flatten } from "../src/shared/operations.js";
import { loadPart, mintUpdate } from "../src/shared/plain-part.js";
import { toArrayBuffer } from "../src/shared/values.js";
import type { StreamEntry } from "../src/shared/wire.js";

const BOTH = [10, 1_000, 10_000] as const;
const OURS_ALONE = 100_000;
const PAGE_DOCUMENTS = 500;

const fields = compileFields({ title: v.string(), body: v.string(), done: v.boolean() });
const rowOf = (index: number) => ({ title: `Task ${index}`, body: "x".repeat(200), done: false });
const nothing = () => undefined;
const listener = {
  shown: nothing,
  stored: nothing,
  changed: nothing,
  rejected: nothing,
  lost: nothing,
  cleared: nothing,
  mustHeal: nothing,
  maySend: nothing,
};

/** Runs in the page; resolves to the report. */
export async function run(): Promise<string> {
  const lines: string[] = [];
  for (const count of BOTH) {
    const ours = await measureOurs(count);
    const theirs = await measureTheirs(count);
    for (const what of ["store", "load", "edit"] as const) {
      lines.push(`| ${label(count)} | ${what} | ${ms(ours[what])} | ${ms(theirs[what])} |`);
    }
  }
  const large = await measureOurs(OURS_ALONE);
  for (const what of ["store", "load", "edit"] as const) {
    lines.push(`| ${label(OURS_ALONE)} | ${what} | ${ms(large[what])} | |`);
  }
  return [
    "# Local storage in Chromium",
    "",
    "By `node bench/storage.mjs`. Documents of about 250 bytes. `store`: all of them are stored for the first time, as a first load",
    "does (y-indexeddb: one database and one `Y.Doc` each, ten at a time). `load`: a page that starts has them all as rows in memory. `edit`: one field of one",
    "document is changed, and the change is on disk; the median of 50.",
    "",
    "| documents | what | ours | y-indexeddb |",
    "| --- | --- | --- | --- |",
    ...lines,
    "",
    `${navigator.hardwareConcurrency} cores, ${/Chrome\/\d+/.exec(navigator.userAgent)?.[0] ?? ""}.`,
  ].join("\n");
}

type Figures = { store: number; load: number; edit: number };

async function measureOurs(count: number): Promise<Figures> {
  const name = `bench-${count}`;
  const open = async () => {
    const storage = indexedDBStorage({ persist: false });
    const data = new LocalData({ name, fields, storage, environment: realEnvironment }, listener);
    await data.opened;
    return data;
  };
  const entries = Array.from({ length: count }, (_, index) => entryOf(index));
  const first = await open();
  const store = await time(async () => {
    for (let at = 0; at < count; at += PAGE_DOCUMENTS) {
      const sync = { cursor: `${at}`, complete: at + PAGE_DOCUMENTS >= count, syncedAt: 0 };
      await first.applyPage(entries.slice(at, at + PAGE_DOCUMENTS), sync, []);
    }
  });
  await first.close();
  let data!: LocalData;
  const load = await time(async () => (data = await open()));
  if (data.replica.shown.size !== count) throw new Error("Not everything was loaded.");
  const edit = await medianOf(50, async (round) => {
    const operations = new Map([["title", `Edited ${round}`]]);
    const document = `d${(round * 7) % count}`;
    await data.save(data.add([{ document, kind: "update", operations }]));
  });
  await data.close();
  return { store, load, edit };
}

function entryOf(index: number): StreamEntry {
  const row = rowOf(index);
  const operations = difference(new Map(), flatten(row, fields.tree));
  const bytes = toArrayBuffer(mintUpdate(loadPart([]), operations, 1_000_000 + index)!);
  const id = `d${index}`;
  const place = { document: id, part: "fields", generation: 1, kind: "update" } as const;
  return { ...place, bytes, row: { id, ...row } };
}

async function measureTheirs(count: number): Promise<Figures> {
  const openOne = async (index: number) => {
    const doc = new Y.Doc();
    const persistence = new IndexeddbPersistence(`theirs-${count}-${index}`, doc);
    await persistence.whenSynced;
    return { doc, persistence };
  };
  const kept: Awaited<ReturnType<typeof openOne>>[] = [];
  const store = await time(() =>
    inTens(count, async (index) => {
      const { doc, persistence } = await openOne(index);
      doc.transact(() => {
        for (const [key, value] of Object.entries(rowOf(index)))
          doc.getMap("fields").set(key, value);
      });
      await persistence.destroy();
    }),
  );
  const load = await time(() =>
    inTens(count, async (index) => {
      const one = await openOne(index);
      one.doc.getMap("fields").toJSON();
      kept.push(one);
    }),
  );
  const edit = await medianOf(50, async (round) => {
    const { doc, persistence } = kept[(round * 7) % count]!;
    doc.getMap("fields").set("title", `Edited ${round}`);
    await persistence.set("committed", round); // it tells nobody when an update is on disk: queue behind it
  });
  await inTens(count, (index) => kept[index]!.persistence.destroy());
  return { store, load, edit };
}

async function inTens(count: number, work: (index: number) => Promise<unknown>) {
  for (let at = 0; at < count; at += 10) {
    const size = Math.min(10, count - at);
    await Promise.all(Array.from({ length: size }, (_, offset) => work(at + offset)));
  }
}

async function medianOf(times: number, work: (round: number) => Promise<unknown>) {
  const durations: number[] = [];
  for (let round = 0; round < times; round++) durations.push(await time(() => work(round)));
  return durations.sort((a, b) => a - b)[Math.floor(times / 2)]!;
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const label = (count: number) => count.toLocaleString("en");
const ms = (duration: number) => `${duration.toFixed(duration < 10 ? 1 : 0)} ms`;
