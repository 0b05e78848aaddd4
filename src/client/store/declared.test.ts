import { v } from "convex/values";
import { expect, it } from "vitest";
import { compileFields } from "../../shared/compiled-fields.js";
import { declaredOperations, declaredRow } from "./declared.js";

const { tree } = compileFields({
  title: v.string(),
  details: v.optional(v.object({ due: v.string() })),
  votes: v.optional(v.record(v.string(), v.object({ weight: v.number() }))),
});

it("a stored row keeps what the fields declare, and is the same one where that is all", () => {
  const row = { title: "t", details: { due: "d" }, votes: { a: { weight: 1 } } };
  expect(declaredRow(row, tree)).toBe(row);
  const older = {
    ...{ title: "t", owner: "ann" },
    details: { due: "d", place: { city: "c" } },
    votes: { a: { weight: 1, by: "ann" }, b: { weight: 2 } },
  };
  expect(declaredRow(older, tree)).toEqual({ ...row, votes: { ...row.votes, b: { weight: 2 } } });
});

it("a stored change loses what is not declared, unless that is all it does", () => {
  const paths = (...all: string[]) => [
    ...declaredOperations(new Map(all.map((path) => [path, 1])), tree).keys(),
  ];
  expect(paths("", "owner")).toEqual([""]);
  expect(paths("title", "owner", "details/place", "details/due")).toEqual(["title", "details/due"]);
  expect(paths("owner", "details/place")).toEqual(["owner", "details/place"]);
});
