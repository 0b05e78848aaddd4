import { expect, it } from "vitest";
import { functionModules } from "./backend/app.js";

const modules = (name: string) => ({
  "./convex/_generated/api.js": () => Promise.resolve({}),
  [`./convex/${name}`]: () => Promise.resolve({}),
});

it("takes names that a deployment takes", () => {
  expect([...functionModules(modules("admin/all_users2.ts")).keys()]).toEqual(["admin/all_users2"]);
});

it.each(["import-failures.ts", "my admin/users.ts", "größe.ts"])("refuses %s", (name) => {
  expect(() => functionModules(modules(name))).toThrow(`${name} is not a valid path`);
});
