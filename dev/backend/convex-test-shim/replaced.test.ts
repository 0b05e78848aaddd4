import { convexTest } from "convex-test";
import { expect, it } from "vitest";
import { convexTest as onEngine } from "./index.js";

it("has taken the place of convex-test in this project", () => {
  expect(convexTest).toBe(onEngine);
});
