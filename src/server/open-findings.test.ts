import { expect, it } from "vitest";
import { accepted, Device, expectEverywhere, push, sharedTask } from "./setup.test.js";

// What the design asks for and the server does not do yet. Whoever makes one pass turns its
// `it.fails` into `it` and moves it to its topic.

it.fails(
  "S3: nobody can push in the name of another device, whose work would be lost",
  async () => {
    const { app, devices } = await sharedTask([7, 8], { title: "t" });
    const [victim] = devices;
    // Eve has seen device 7 and uses up with its id what it has not used yet.
    const eve = new Device(victim.clientId);
    await eve.pull(app);
    const honest = victim.update("a", { title: "honest work" });
    await push(app, eve.update("a", { done: true }));
    expect(await push(app, honest)).toEqual([accepted]);
    await expectEverywhere(app, "a", { title: "honest work", done: true });
  },
);
