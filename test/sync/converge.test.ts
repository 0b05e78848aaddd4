import { describe, expect, it } from "vitest";
import {
  converged,
  eventually,
  openDevice,
  rowsOf,
  startApp,
  strip,
  tableOf,
  task,
} from "./harness.js";

describe("two devices", () => {
  it("see each other's insert, update and remove", async () => {
    const backend = await startApp();
    const [a, b] = [openDevice(backend), openDevice(backend)];
    a.tasks.insert(task("t1", { tags: ["x"] }));
    expect(strip(a.tasks.get("t1"))).toEqual(task("t1", { tags: ["x"] })); // at once
    await eventually(() => expect(rowsOf(b)).toEqual([task("t1", { tags: ["x"] })]));

    b.tasks.update("t1", (draft) => void (draft.title = "Changed"));
    await eventually(() => expect(a.tasks.get("t1")?.title).toBe("Changed"));

    a.tasks.delete("t1");
    await eventually(() => expect(rowsOf(b)).toEqual([]));
    await converged(a, b);
    expect(await tableOf(a)).toEqual([]);
  });

  it("keep concurrent edits of different fields, also nested ones, in the table as well", async () => {
    const backend = await startApp();
    const [a, b] = [openDevice(backend), openDevice(backend)];
    a.tasks.insert(
      task("t1", { details: { notes: "", place: { city: "Ghent" } }, ratings: { x: 1 } }),
    );
    await converged(a, b);

    a.network.cut();
    b.network.cut();
    a.tasks.update("t1", (draft) => {
      draft.title = "From A";
      draft.details!.notes = "A's notes";
      draft.ratings!["a"] = 5;
    });
    b.tasks.update("t1", (draft) => {
      draft.votes = 7;
      draft.details!.place!.street = "B Street";
      draft.ratings!["b"] = 3;
    });
    a.network.restore();
    b.network.restore();
    const [row] = await converged(a, b);
    expect(row).toEqual(
      task("t1", {
        title: "From A",
        votes: 7,
        details: { notes: "A's notes", place: { city: "Ghent", street: "B Street" } },
        ratings: { a: 5, b: 3, x: 1 },
      }),
    );
  });
});
