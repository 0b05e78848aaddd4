// @vitest-environment node
// In the edge runtime buffers come from another realm, and no `instanceof` knows them.

import fc from "fast-check";
import { expect, it } from "vitest";
import * as Y from "yjs";
import { exact, scenario } from "../shared/arbitraries.test.js";
import { compileFields } from "../shared/compiled-fields.js";
import { MAX_PART_STRUCTS } from "../shared/limits.js";
import {
  applyOperations,
  complete,
  difference,
  flatten,
  unflatten,
  type FlatRow,
  type RowFields,
} from "../shared/operations.js";
import { loadPart, mintExactly, mintUpdate, readFlat, renderRow } from "../shared/plain-part.js";
import { incoming } from "./incoming.js";
import { mergeChange } from "./merge.js";
import { changeOf, tree, taskFields } from "./setup.test.js";

/** An edit by a device that knows only some of the log. */
const edit = fc.record({ clientId: fc.integer({ min: 2, max: 2 ** 31 }), knows: fc.nat() });

it("merges as if every edit had been made when it arrived, whoever's ids are higher (D1, D5)", () => {
  fc.assert(
    fc.property(
      scenario(7),
      fc.uniqueArray(edit, { minLength: 7, maxLength: 7, selector: (one) => one.clientId }),
      ({ fields, rows }, edits) => {
        const log: Uint8Array[] = [];
        const model: FlatRow = new Map();
        let stored: RowFields | null = null;
        for (const [n, { clientId, knows }] of edits.entries()) {
          // The first edit creates the document, so everyone knows at least that one.
          const base = loadPart(log.slice(0, 1 + (knows % Math.max(1, log.length))));
          const known = readFlat(base);
          const wanted = complete(known, difference(known, flatten(rows[n]!, fields.tree)));
          const update = mintUpdate(base, wanted, clientId);
          if (update === null) continue;
          const state = {
            generation: 1,
            live: n > 0,
            updates: log,
            whole: true,
            ended: [],
            forgotten: 0,
            stored,
          };
          const outcome = mergeChange(
            fields,
            state,
            incoming(changeOf(n ? "update" : "insert", "a", update)),
            new Map(),
          );
          if (outcome.kind !== "write") return expect.unreachable(outcome.kind);

          applyOperations(model, wanted);
          log.push(...outcome.entries.map((entry) => entry.bytes));
          stored = outcome.next;
          expect(exact(stored)).toEqual(exact(unflatten(model, fields.tree)));
          expect(exact(renderRow(loadPart(log), fields.tree))).toEqual(exact(stored));
          expect(outcome.entries).toHaveLength(1);
        }
      },
    ),
    { numRuns: 300 },
  );
});

it("refuses what would leave more behind than a log can hold, however small the row (S8)", () => {
  const fields = compileFields(taskFields);
  const doc = loadPart([]);
  let stored: RowFields | null = null;
  const log: Uint8Array[] = [];
  const kinds = ["write", "write", "rejected"].map((_, round) => {
    // Other keys every time: of those before, nothing is left in the row, but much in the log.
    const keys = Array.from({ length: 900 }, (_, n) => `${round}/${n}`.padEnd(900, "k"));
    const row = { title: "t", votes: Object.fromEntries(keys.map((key) => [key, 1])) };
    const update = mintUpdate(doc, difference(readFlat(doc), flatten(row, tree)), 7)!;
    const change = incoming(changeOf(round ? "update" : "insert", "a", update));
    const state = {
      generation: 1,
      live: round > 0,
      updates: log,
      whole: true,
      ended: [],
      forgotten: 0,
      stored,
    };
    const outcome = mergeChange(fields, state, change, new Map());
    if (outcome.kind === "write") {
      stored = outcome.next;
      log.push(...outcome.entries.map((entry) => entry.bytes));
    }
    return outcome.kind === "rejected" ? outcome.code : outcome.kind;
  });
  expect(kinds).toEqual(["write", "write", "DOCUMENT_FULL"]);
});

it("refuses what would be more structs than replicas can take, however few bytes (S8)", () => {
  const fields = compileFields(taskFields);
  const doc = loadPart([]);
  const log: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => log.push(update));
  const write = (clientId: number, count: number) =>
    Y.transact(doc, () => {
      doc.clientID = clientId;
      for (let n = 0; n < count; n++) doc.getMap("fields").set(`votes/${n}`, undefined);
    });
  doc.getMap("fields").set("", {});
  doc.getMap("fields").set("title", "t");
  // Two devices in turn: what one of them writes twice in a row, Yjs merges.
  const round = 2_000;
  const rounds = MAX_PART_STRUCTS / round - 1;
  for (let n = 0; n < rounds; n++) write(7 + (n % 2), round);
  const before = log.slice();
  const state = {
    generation: 1,
    live: true,
    updates: before,
    whole: true,
    ended: [],
    forgotten: 0,
    stored: { title: "t" },
  };
  const outcomeOf = (count: number) => {
    const copy = loadPart(before);
    const writes = Array.from({ length: count }, (_, n) => [`votes/${n}`, undefined] as const);
    const change = incoming(changeOf("update", "a", mintExactly(copy, new Map(writes), 9)!));
    const outcome = mergeChange(fields, state, change, new Map());
    return outcome.kind === "rejected" ? outcome.code : outcome.kind;
  };
  const room = MAX_PART_STRUCTS - rounds * round - 2;
  expect([outcomeOf(room), outcomeOf(room + 1)]).toEqual(["write", "DOCUMENT_FULL"]);
});

it("says of a removal in a generation to come that the generation before it is over, and not that one", () => {
  const ended = [{ generation: 1, stateVector: new Uint8Array([0]) }];
  const state = {
    generation: 1,
    live: false,
    updates: [],
    whole: true,
    ended,
    forgotten: 0,
    stored: null,
  };
  const removal = { document: "a", generation: 2, op: "remove" as const, parts: [] };
  const outcome = mergeChange(compileFields(taskFields), state, incoming(removal), new Map());
  expect(outcome).toMatchObject({ kind: "unchanged", generation: 1, entries: [] });
});
