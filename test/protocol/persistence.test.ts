// @vitest-environment node
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
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

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "dev-data-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "data");
}

describe("a data folder", () => {
  it("brings everything back: ids, times, bytes, and the components' tables", async () => {
    const dataFolder = temporaryFolder();
    const first = await startFixture({ dataFolder });
    const before = connectHttp(first);
    await before.mutation(api.messages.send, { ...general, body: "kept" });
    await before.mutation(api.values.storeFile, { bytes: new Uint8Array([7]).buffer });
    const rows = await before.query(api.messages.rows, {});
    const files = await before.query(api.values.files, {});
    await first.close();

    const after = connectHttp(await startFixture({ dataFolder }));
    expect(await after.query(api.messages.rows, {})).toEqual(rows);
    expect(await after.query(api.values.files, {})).toEqual(files);
    expect(await after.query(api.messages.count, general)).toBe(1);
  });

  it("survives several restarts, with deletions", async () => {
    const dataFolder = temporaryFolder();
    for (const body of ["a", "b", "c"]) {
      const backend = await startFixture({ dataFolder });
      const client = connectHttp(backend);
      await client.mutation(api.messages.send, { ...general, body });
      if (body === "b") await client.mutation(api.messages.remove, { body: "a" });
      await backend.close();
    }
    const client = connectHttp(await startFixture({ dataFolder }));
    expect(await client.query(api.messages.list, general)).toEqual(["b", "c"]);
  });

  it("never gives an id, a creation time or a commit timestamp out again", async () => {
    const dataFolder = temporaryFolder();
    const start = Date.now();
    const clock = vi.spyOn(Date, "now");
    onTestFinished(() => clock.mockRestore());
    const seen = { ids: new Set<string>(), created: 0, ts: 0n };
    for (let run = 0; run < 3; run++) {
      // Not even when the clock goes back in between.
      clock.mockReturnValue(start - run * HOUR_MS);
      const backend = await startFixture({ dataFolder });
      const client = connectHttp(backend);
      await client.mutation(api.messages.send, { ...general, body: `run ${run}` });
      const row = (await client.query(api.messages.rows, {})).at(-1)!;
      expect(seen.ids).not.toContain(row._id);
      expect(row._creationTime).toBeGreaterThan(seen.created);
      expect(row.ts).toBeGreaterThan(seen.ts);
      seen.ids.add(row._id);
      seen.created = row._creationTime;
      // Once the newest document is gone, only the folder knows that its id was used.
      await client.mutation(api.messages.send, { ...general, body: "passing" });
      const { _id, ts } = (await client.query(api.messages.rows, {})).at(-1)!;
      seen.ids.add(_id);
      seen.ts = ts as bigint;
      await client.mutation(api.messages.remove, { body: "passing" });
      await backend.close();
    }
  });

  it("holds what was answered even when the process ends at once", async () => {
    const dataFolder = temporaryFolder();
    const client = connectHttp(await startFixture({ dataFolder }));
    await client.mutation(api.messages.send, { ...general, body: "answered" });
    // What a killed process leaves: no close, and a last line that stops in the middle.
    const left = temporaryFolder();
    cpSync(dataFolder, left, { recursive: true });
    const [log] = readdirSync(left);
    appendFileSync(join(left, log!), '0a1b2c3d ["17900');

    const after = connectHttp(await startFixture({ dataFolder: left }));
    expect(await after.query(api.messages.list, general)).toEqual(["answered"]);
    await after.mutation(api.messages.send, { ...general, body: "and on" });
    expect(await after.query(api.messages.list, general)).toEqual(["answered", "and on"]);
  });

  it("remembers answered mutations: one sent again after a restart runs once", async () => {
    const dataFolder = temporaryFolder();
    const first = await startFixture({ dataFolder });
    const client = connect(first);
    await watch(client, api.messages.list, general).until(() => true);
    first.faults.failNext({ path: "messages:send", when: "after" });
    const sending = client.mutation(api.messages.send, { ...general, body: "once" });
    const list = () => connectHttp(first).query(api.messages.list, general);
    while ((await list()).length === 0);
    expect(client.connectionState().hasInflightRequests).toBe(true);
    await first.close();

    await startFixture({ dataFolder, port: Number(new URL(first.url).port) });
    await sending;
    expect(await client.query(api.messages.list, general)).toEqual(["once"]);
  });

  it("still runs what was scheduled for later", async () => {
    const dataFolder = temporaryFolder();
    const first = await startFixture({ dataFolder });
    const later = { ...general, body: "later", delayMs: 300 };
    await connectHttp(first).mutation(api.messages.sendLater, later);
    await first.close();

    const list = watch(connect(await startFixture({ dataFolder })), api.messages.list, general);
    expect(await list.until((bodies) => bodies.length > 0)).toEqual(["later"]);
  });

  it("is used by one backend at a time", async () => {
    const dataFolder = temporaryFolder();
    const first = await startFixture({ dataFolder });
    await expect(startBackend({ app: fixtureApp, dataFolder })).rejects.toThrow("is in use");
    await first.close();
    await startFixture({ dataFolder });
  });

  it("is left alone when it holds something else", async () => {
    const dataFolder = temporaryFolder();
    mkdirSync(dataFolder);
    writeFileSync(join(dataFolder, "diary"), "dear diary");
    await expect(startBackend({ app: fixtureApp, dataFolder })).rejects.toThrow(
      "not a data folder",
    );
    expect(readFileSync(join(dataFolder, "diary"), "utf8")).toBe("dear diary");
  });
});

describe("without a data folder", () => {
  it("two backends in one process share nothing", async () => {
    const [one, two] = [await startFixture(), await startFixture()];
    await connectHttp(one).mutation(api.messages.send, { ...general, body: "in one" });
    expect(await connectHttp(two).query(api.messages.list, general)).toEqual([]);
  });
});
