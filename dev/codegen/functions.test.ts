import { actionGeneric, anyApi, internalMutationGeneric, queryGeneric } from "convex/server";
import { v } from "convex/values";
import { expect, it } from "vitest";
import { analyzeModule, exportTree } from "./functions.mjs";

it("describes a module's Convex functions and nothing else", () => {
  const { functions } = analyzeModule({
    list: queryGeneric({
      args: { n: v.number() },
      returns: v.null(),
      handler: () => Promise.resolve(null),
    }),
    clear: internalMutationGeneric({ handler: () => Promise.resolve() }),
    fetchAll: actionGeneric({ handler: () => Promise.resolve() }),
    LIMIT: 5,
    helper: () => "not a Convex function",
    reference: anyApi.tasks,
    nothing: null,
  });
  expect(
    functions.map(({ name, udfType, visibility }) => [name, udfType, visibility.kind]),
  ).toEqual([
    ["list", "Query", "public"],
    ["clear", "Mutation", "internal"],
    ["fetchAll", "Action", "public"],
  ]);
  expect(functions[0]?.returns).toBe('{"type":"null"}');
});

it("lists fields in order, as a backend does", () => {
  const { functions } = analyzeModule({
    put: queryGeneric({
      args: { b: v.string(), a: v.union(v.object({ d: v.null(), c: v.null() })) },
      handler: () => Promise.resolve(null),
    }),
  });
  const args = JSON.parse(functions[0]?.args ?? "") as { value: Record<string, unknown> };
  expect(Object.keys(args.value)).toEqual(["a", "b"]);
  expect(JSON.stringify(args.value.a)).toMatch(/"c".*"d"/);
});

it("shows a parent the public functions only, by the module's path", () => {
  const handler = () => Promise.resolve(null);
  const modules = {
    "log.js": analyzeModule({
      append: queryGeneric({ handler }),
      sweep: internalMutationGeneric({ handler }),
    }),
    "deep/one.js": analyzeModule({ read: queryGeneric({ handler }) }),
    "deep/two.js": analyzeModule({ read: queryGeneric({ handler }) }),
  };
  const leaf = (path: string) => ({ type: "leaf", leaf: `_reference/function/${path}` });
  const branch = (...entries: [string, object][]) => ({ type: "branch", branch: entries });
  expect(exportTree(modules)).toEqual(
    branch(
      ["log", branch(["append", leaf("log:append")])],
      [
        "deep",
        branch(
          ["one", branch(["read", leaf("deep/one:read")])],
          ["two", branch(["read", leaf("deep/two:read")])],
        ),
      ],
    ),
  );
});
