import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { programApp } from "./programs/app.js";
import type { Fields, Operand, Step } from "./programs/program.js";
import { SCRATCH } from "./programs/schemas.js";

/**
 * Rows in groups, in the order of `n`, with a number of their own: `uid` says what came first where
 * the time of creation, which is not the time of the commit, would decide.
 */
const schema = defineSchema({
  rows: defineTable({
    group: v.string(),
    n: v.number(),
    uid: v.number(),
    ts: v.optional(v.commitTs()),
  })
    .index("by_group", ["group", "n", "uid"])
    .index("by_uid", ["uid"]),
  [SCRATCH]: defineTable({ n: v.number() }),
});

export const ledgerApp = programApp(schema);

export function row(group: string, n: Operand, uid: number): Fields {
  return { group: ["value", group], n, uid: ["value", uid], ts: ["commitTs"] };
}

export function insertRow(group: string, n: number, uid: number): Step {
  return { do: "insert", table: "rows", fields: row(group, ["value", n], uid) };
}
