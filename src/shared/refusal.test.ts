import { ConvexError } from "convex/values";
import { expect, it } from "vitest";
import { refusalOf } from "./refusal.js";

it.each([
  ["a message", "Not yours.", { code: "REFUSED", message: "Not yours." }],
  ["a code and a message", { code: "MINE", message: "No." }, { code: "MINE", message: "No." }],
  ["something else", 7, { code: "REFUSED", message: "The server refused the change." }],
])("reads %s from a ConvexError", (_, data, refusal) => {
  expect(refusalOf(new ConvexError(data))).toEqual(refusal);
});

it("knows a ConvexError that another copy of convex made", () => {
  const other = { data: "Not yours.", [Symbol.for("ConvexError")]: true };
  expect(refusalOf(Object.assign(new Error(), other))).toEqual({
    code: "REFUSED",
    message: "Not yours.",
  });
});

it.each([new Error("broken"), "thrown", null, undefined])("takes %s for no refusal", (error) => {
  expect(refusalOf(error)).toBeNull();
});
