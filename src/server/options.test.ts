import { convexTest } from "convex-test";
import {
  anyApi,
  componentsGeneric,
  defineSchema,
  defineTable,
  type ApiFromModules,
} from "convex/server";
import { v } from "convex/values";
import { describe, expect, it } from "vitest";
import type { ComponentApi } from "../component/_generated/component.js";
import { register } from "../test.js";
import { Replicate, replicatedTable } from "./index.js";
import { findRow } from "./rows.js";
import { taskFields } from "./setup.test.js";

const component = componentsGeneric()["replicate"] as unknown as ComponentApi;

const makeWith = (options: object) => () =>
  new Replicate(component, "tasks", { fields: taskFields, ...options });

const refusal = (message: RegExp) =>
  expect.objectContaining({
    code: "INVALID_OPTIONS",
    message: expect.stringMatching(message) as string,
  }) as Error;

describe("the options of a Replicate", () => {
  it.each(["evalread", "evalWrit", "onDelete", "toString"])("have no `%s`", (name) => {
    const message = new RegExp(`no option \`${name}\`.*evalRead, evalWrite, onInsert`);
    expect(makeWith({ [name]: () => {} })).toThrow(refusal(message));
  });

  it.each(["rateLimit", "evalRead", "evalWrite", "onInsert", "onUpdate", "onRemove"])(
    "have `%s`, which is a function",
    (name) => {
      expect(makeWith({ [name]: true })).toThrow(refusal(new RegExp(`\`${name}\`.*but is true`)));
      expect(makeWith({ [name]: null })).toThrow(refusal(/must be a function, but is null/));
      expect(makeWith({ [name]: undefined })).not.toThrow();
      expect(makeWith({ [name]: () => {} })).not.toThrow();
    },
  );

  it("say what to do where the component is not installed", () => {
    const missing = undefined as unknown as ComponentApi;
    const make = () => new Replicate(missing, "tasks", { fields: taskFields });
    expect(make).toThrow(refusal(/Is `app\.use\(replicate\)` in convex\/convex\.config\.ts\?/));
  });

  it.each([[""], [undefined], [{ fields: taskFields }]])("need a table, not %j", (table) => {
    const make = () => new Replicate(component, table as string, { fields: taskFields });
    expect(make).toThrow(refusal(/name of a table in schema\.ts/));
  });
});

describe("a table that was not made with replicatedTable()", () => {
  const schema = defineSchema({
    notes: replicatedTable(taskFields),
    plain: defineTable({ title: v.string() }),
  });

  it.each(["notess", "plain"])("is named: %s", async (table) => {
    const notes = new Replicate(component, table, { fields: taskFields }).functions();
    const modules = {
      "./_generated/api.ts": () => Promise.resolve({}),
      "./notes.ts": () => Promise.resolve(notes),
    };
    const t = convexTest({ schema, modules });
    register(t as unknown as Parameters<typeof register>[0]);
    const api = anyApi as unknown as ApiFromModules<{ notes: typeof notes }>;
    const question = `Is \`${table}\` made with replicatedTable() in schema.ts?`;
    // As a push does; convex-test itself fails where one of two parallel reads of a mutation throws.
    await expect(t.run((ctx) => findRow(ctx.db, table, "a"))).rejects.toThrow(question);
    const paginationOpts = { numItems: 1, cursor: null };
    await expect(t.query(api.notes.material, { paginationOpts })).rejects.toThrow(question);
  });
});
