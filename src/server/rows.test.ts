import { expect, it } from "vitest";
import { fieldsOfRow } from "./rows.js";

it("takes nothing for a field that a row only inherits", () => {
  const names = ["title", "toString", "constructor"];
  expect(fieldsOfRow({ title: "t" }, names)).toEqual({ title: "t" });
});
