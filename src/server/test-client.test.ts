import { ConvexError } from "convex/values";
import { expect, it } from "vitest";
import { TestClient } from "../test-client.js";
import {
  accepted,
  api,
  expectEverywhere,
  newApp,
  rejected,
  taskFields,
  type App,
  type TaskHooks,
} from "./setup.test.js";

const clientOf = (app: Pick<App, "query" | "mutation">) =>
  new TestClient(app, api.tasks, taskFields);

it("inserts, updates and removes as any client", async () => {
  const app = newApp();
  const ann = clientOf(app);
  expect(await ann.insert({ id: "a", title: "t", details: { due: "d" } })).toEqual(accepted);
  const update = await ann.update("a", (draft) => {
    expect(draft).toEqual({ id: "a", title: "t", details: { due: "d" } });
    draft.done = true;
    delete draft.details!.due;
  });
  expect(update).toEqual(accepted);
  await expectEverywhere(app, "a", { title: "t", done: true, details: {} });
  expect(await ann.remove("a")).toEqual(accepted);
  await expectEverywhere(app, "a", null);
});

it("writes bytes and int64", async () => {
  const app = newApp();
  const ann = clientOf(app);
  const photo = (...bytes: number[]) => Uint8Array.from(bytes).buffer;
  expect(await ann.insert({ id: "a", title: "t", data: photo(1, 2) })).toEqual(accepted);
  await expectEverywhere(app, "a", { title: "t", data: photo(1, 2) });
  const update = await ann.update("a", (draft) => void (draft.data = [photo(3), 5n]));
  expect(update).toEqual(accepted);
  await expectEverywhere(app, "a", { title: "t", data: [photo(3), 5n] });
});

it("builds on what others changed", async () => {
  const app = newApp();
  const [ann, bob] = [clientOf(app), clientOf(app)];
  await ann.insert({ id: "a", title: "t" });
  await bob.update("a", (draft) => void (draft.title = "bob's"));
  await ann.update("a", (draft) => void (draft.title += ", then ann's"));
  await expectEverywhere(app, "a", { title: "bob's, then ann's" });
});

it("inserts a removed document anew, and merges into one that is there", async () => {
  const app = newApp();
  const ann = clientOf(app);
  await ann.insert({ id: "a", title: "t", done: true });
  await clientOf(app).insert({ id: "a", title: "u" });
  await expectEverywhere(app, "a", { title: "u", done: true });
  await ann.remove("a");
  expect(await ann.insert({ id: "a", title: "again" })).toMatchObject({ generation: 2 });
  await expectEverywhere(app, "a", { title: "again" });
});

it("comes back with the server's refusal, and can go on", async () => {
  const hooks: TaskHooks = {
    evalWrite: (_ctx, { next }) => {
      if (next?.title === "bad") throw new ConvexError({ code: "RUDE", message: "Be kind." });
    },
  };
  const app = newApp(hooks);
  const ann = clientOf(app);
  await ann.insert({ id: "a", title: "t" });
  expect(await ann.update("a", (draft) => void (draft.title = "bad"))).toEqual(rejected("RUDE"));
  expect(await ann.update("a", (draft) => void (draft.title = "good"))).toEqual(accepted);
});

it.each(["onInsert", "onRemove"] as const)("comes back with the refusal of %s", async (hook) => {
  const refuse = () => {
    throw new ConvexError({ code: "RUDE", message: "Be kind." });
  };
  const ann = clientOf(newApp({ [hook]: refuse }));
  const answers = [await ann.insert({ id: "a", title: "t" }), await ann.remove("a")];
  expect(answers).toContainEqual(rejected("RUDE"));
});

it("throws what asks a client to come back later", async () => {
  const refuse = () => {
    throw new ConvexError({ message: "Slowly.", retryAfterMs: 1_000 });
  };
  const ann = clientOf(newApp({ rateLimit: refuse }));
  await expect(ann.insert({ id: "a", title: "t" })).rejects.toMatchObject({
    data: { code: "RATE_LIMITED" },
  });
});

it("acts as whoever `withIdentity` says", async () => {
  const seen: unknown[] = [];
  const hooks: TaskHooks = {
    evalWrite: async (ctx) => void seen.push((await ctx.auth.getUserIdentity())?.subject),
  };
  const app = newApp(hooks);
  await clientOf(app.withIdentity({ subject: "ann" })).insert({ id: "a", title: "t" });
  await clientOf(app).insert({ id: "b", title: "t" });
  expect(seen).toEqual(["ann", undefined]);
});

it("says what cannot be sent", async () => {
  const ann = clientOf(newApp());
  await expect(ann.update("a", () => {})).rejects.toThrow('There is no document "a" to update.');
  await ann.insert({ id: "a", title: "t" });
  await expect(ann.update("a", () => {})).rejects.toThrow(
    'The change of document "a" changes nothing.',
  );
  const renamed = ann.update("a", (draft) => void ((draft as { id: string }).id = "b"));
  await expect(renamed).rejects.toMatchObject({ code: "INVALID_ID" });
  await expect(ann.insert({ id: "", title: "t" })).rejects.toMatchObject({ code: "INVALID_ID" });
  await expect(ann.remove("")).rejects.toMatchObject({ code: "INVALID_ID" });
  const wrong = { id: "b", title: 5 as unknown as string, color: "red" };
  await expect(ann.insert(wrong)).rejects.toMatchObject({ code: "INVALID_ROW" });
});
