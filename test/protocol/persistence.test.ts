// @vitest-environment node
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { startBackend } from "../../dev/backend/index.js";
import { fixtureApp } from "./fixture/app.js";
import { api } from "./fixture/convex/_generated/api.js";
import { connect, connectHttp, startFixture, watch } from "./fixture/harness.js";

const HOUR_MS = 3_600_000;

const general = { channel: "general" };

function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "dev-data-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "data.jsonl");
}

describe("a data file", () => {
  it("brings everything back: ids, times, bytes, and the components' tables", async () => {
    const dataFile = temporaryFile();
    const first = await startFixture({ dataFile });
    const before = connectHttp(first);
    await before.mutation(api.messages.send, { ...general, body: "kept" });
    await before.mutation(api.values.storeFile, { bytes: new Uint8Array([7]).buffer });
    const rows = await before.query(api.messages.rows, {});
    const files = await before.query(api.values.files, {});
    await first.close();

    const after = connectHttp(await startFixture({ dataFile }));
    expect(await after.query(api.messages.rows, {})).toEqual(rows);
    expect(await after.query(api.values.files, {})).toEqual(files);
    expect(await after.query(api.messages.count, general)).toBe(1);
  });

  it("survives several restarts, with deletions", async () => {
    const dataFile = temporaryFile();
    for (const body of ["a", "b", "c"]) {
      const backend = await startFixture({ dataFile });
      const client = connectHttp(backend);
      await client.mutation(api.messages.send, { ...general, body });
      if (body === "b") await client.mutation(api.messages.remove, { body: "a" });
      await backend.close();
    }
    const client = connectHttp(await startFixture({ dataFile }));
    expect(await client.query(api.messages.list, general)).toEqual(["b", "c"]);
  });

  it("never gives an id, a creation time or a commit timestamp out again", async () => {
    const dataFile = temporaryFile();
    const start = Date.now();
    const clock = vi.spyOn(Date, "now");
    onTestFinished(() => clock.mockRestore());
    const seen = { ids: new Set<string>(), created: 0, ts: 0n };
    for (let run = 0; run < 3; run++) {
      // Not even when the clock goes back in between.
      clock.mockReturnValue(start - run * HOUR_MS);
      const backend = await startFixture({ dataFile });
      const client = connectHttp(backend);
      await client.mutation(api.messages.send, { ...general, body: `run ${run}` });
      const row = (await client.query(api.messages.rows, {})).at(-1)!;
      expect(seen.ids).not.toContain(row._id);
      expect(row._creationTime).toBeGreaterThan(seen.created);
      expect(row.ts).toBeGreaterThan(seen.ts);
      seen.ids.add(row._id);
      seen.created = row._creationTime;
      // Once the newest document is gone, only the file knows that its id was used.
      await client.mutation(api.messages.send, { ...general, body: "passing" });
      const { _id, ts } = (await client.query(api.messages.rows, {})).at(-1)!;
      seen.ids.add(_id);
      seen.ts = ts as bigint;
      await client.mutation(api.messages.remove, { body: "passing" });
      await backend.close();
    }
  });

  it("holds what was answered even when the process ends at once", async () => {
    const dataFile = temporaryFile();
    const client = connectHttp(await startFixture({ dataFile }));
    await client.mutation(api.messages.send, { ...general, body: "answered" });
    // What a killed process leaves: no close, and a last line that stops in the middle.
    const left = temporaryFile();
    copyFileSync(dataFile, left);
    appendFileSync(left, '{"ts":"17900');

    const after = connectHttp(await startFixture({ dataFile: left }));
    expect(await after.query(api.messages.list, general)).toEqual(["answered"]);
    await after.mutation(api.messages.send, { ...general, body: "and on" });
    expect(await after.query(api.messages.list, general)).toEqual(["answered", "and on"]);
  });

  it("remembers answered mutations: one sent again after a restart runs once", async () => {
    const dataFile = temporaryFile();
    const first = await startFixture({ dataFile });
    const client = connect(first);
    await watch(client, api.messages.list, general).until(() => true);
    first.faults.failNext({ path: "messages:send", when: "after" });
    const sending = client.mutation(api.messages.send, { ...general, body: "once" });
    const list = () => connectHttp(first).query(api.messages.list, general);
    while ((await list()).length === 0);
    expect(client.connectionState().hasInflightRequests).toBe(true);
    await first.close();

    await startFixture({ dataFile, port: Number(new URL(first.url).port) });
    await sending;
    expect(await client.query(api.messages.list, general)).toEqual(["once"]);
  });

  it("still runs what was scheduled for later", async () => {
    const dataFile = temporaryFile();
    const first = await startFixture({ dataFile });
    const later = { ...general, body: "later", delayMs: 300 };
    await connectHttp(first).mutation(api.messages.sendLater, later);
    await first.close();

    const list = watch(connect(await startFixture({ dataFile })), api.messages.list, general);
    expect(await list.until((bodies) => bodies.length > 0)).toEqual(["later"]);
  });

  it("is used by one backend at a time", async () => {
    const dataFile = temporaryFile();
    const first = await startFixture({ dataFile });
    await expect(startBackend({ app: fixtureApp, dataFile })).rejects.toThrow("is in use");
    await first.close();
    await startFixture({ dataFile });
  });

  it("is left alone when it holds something else", async () => {
    const dataFile = temporaryFile();
    writeFileSync(dataFile, "my diary\n");
    await expect(startBackend({ app: fixtureApp, dataFile })).rejects.toThrow("not a data file");
    expect(readFileSync(dataFile, "utf8")).toBe("my diary\n");
  });
});

describe("without a data file", () => {
  it("two backends in one process share nothing", async () => {
    const [one, two] = [await startFixture(), await startFixture()];
    await connectHttp(one).mutation(api.messages.send, { ...general, body: "in one" });
    expect(await connectHttp(two).query(api.messages.list, general)).toEqual([]);
  });
});
