import { expect, it } from "vitest";
import { startApp } from "./harness/app.js";
import { eventually } from "./harness/board.js";
import type { Device } from "./harness/device.js";

it("shows how far the first load of 1,000 tasks is, and can be used meanwhile", async () => {
  const app = await startApp();
  const a = await (await app.device()).openTab();
  await a.seed(1_000);
  await a.synced();
  expect(await app.rows()).toHaveLength(1_000);
  const counts = await a.counts();

  app.faults.delayNext({ path: "tasks:stream", ms: 1_000, count: 3 });
  const device = await app.device();
  const progress = await recordProgress(device);
  const b = await device.openTab();
  await b.add("Added while loading");
  expect((await b.sync()).phase).toBe("loading");
  await b.synced();

  expect(await b.page.getByTestId("loading-bar").count()).toBe(0);
  expect(progress.some((value) => value > 0 && value < 1)).toBe(true);
  expect(progress).toEqual([...progress].sort((x, y) => x - y));
  await eventually(async () => {
    expect(await b.counts()).toEqual({ ...counts, todo: counts.todo + 1 });
    expect(await a.counts()).toEqual({ ...counts, todo: counts.todo + 1 });
  });
});

it("goes on where it was when the page was reloaded in the middle", async () => {
  const app = await startApp();
  const a = await (await app.device()).openTab();
  for (let round = 1; round <= 3; round++) {
    await a.seed(200);
    await a.synced();
  }
  const all = await a.counts();
  await a.page.close(); // so that all calls are the other device's

  app.faults.calls.reset();
  app.faults.delayNext({ path: "tasks:stream", ms: 1_000, count: 3 });
  const b = await (await app.device()).openTab();
  await eventually(async () => expect(sum(await b.counts())).toBeGreaterThan(0));
  const loaded = sum(await b.counts());
  expect(loaded).toBeLessThan(600);
  await b.reload();
  await eventually(async () => expect(sum(await b.counts())).toBeGreaterThanOrEqual(loaded));
  await b.synced();
  expect(await b.counts()).toEqual(all);
  // Its two pages, the second one once more, and then the live tail.
  expect(app.faults.calls.get("tasks:stream")).toBeLessThanOrEqual(4);
});

/** Every value that the progress bar has had, in the order it had them. */
async function recordProgress({ context }: Device): Promise<number[]> {
  const values: number[] = [];
  await context.exposeFunction("onProgress", (value: number) => void values.push(value));
  await context.addInitScript(() => {
    const report = () => {
      const bar = document.querySelector<HTMLProgressElement>("[data-testid=loading-bar]");
      if (bar) (window as unknown as { onProgress(value: number): void }).onProgress(bar.value);
    };
    new MutationObserver(report).observe(document, {
      subtree: true,
      childList: true,
      attributeFilter: ["value"],
    });
  });
  return values;
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
