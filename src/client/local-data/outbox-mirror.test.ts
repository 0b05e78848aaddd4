import fc from "fast-check";
import { expect, it } from "vitest";
import { OutboxMirror } from "./outbox-mirror.js";
import type { OutboxRecord } from "../store/records.js";
import { local } from "../setup.test.js";

const refused = { code: "REFUSED", message: "No." };

/** What its counts have to be, by looking at every record. */
function recount(mirror: OutboxMirror) {
  const records = mirror.all();
  return {
    pending: records.filter(({ rejected }) => rejected === null).length,
    rejected: records.filter(({ rejected }) => rejected !== null).length,
    unsaved: records.filter(({ seq }) => seq === null).length,
  };
}

it("counts right whatever happens to its records", () => {
  const step = fc.record({
    what: fc.constantFrom("add", "save", "refuse", "settle", "drop unsaved", "unknown"),
    which: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const mirror = new OutboxMirror();
      let seq = 0;
      for (const { what, which } of steps) {
        const document = `d${which % 4}`;
        const records = mirror.all();
        const some: OutboxRecord | undefined = records[which % (records.length || 1)];
        if (what === "add") mirror.add(local("update", 1, new Map(), { document }));
        if (what === "save" && some?.seq === null) mirror.saved(some, ++seq);
        if (what === "refuse" && some?.seq) mirror.replace({ ...some, rejected: refused });
        if (what === "settle" && some) mirror.remove(some.document, (one) => one.seq === some.seq);
        if (what === "drop unsaved") mirror.remove(document, (one) => one.seq === null);
        if (what === "unknown") mirror.replace(local("update", 1, new Map(), { seq: 999 }));
        expect(mirror.counts).toEqual(recount(mirror));
      }
      mirror.clear();
      expect(mirror.counts).toEqual({ pending: 0, rejected: 0, unsaved: 0 });
    }),
  );
});

it("offers documents in the order of the oldest change that can be sent", () => {
  const mirror = new OutboxMirror();
  const add = (document: string, seq: number | null, rejected: OutboxRecord["rejected"] = null) =>
    mirror.add(local("update", 1, new Map(), { document, seq, rejected }));
  add("a", 1, refused);
  add("b", 2);
  add("a", 3);
  add("b", 4);
  add("c", null);
  expect([...mirror.sendable()]).toEqual([
    ["b", [2, 4]],
    ["a", [3]],
  ]);
});
