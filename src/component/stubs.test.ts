import { describe, expect, it } from "vitest";
import { STUB_BYTES } from "../shared/limits.js";
import { api } from "./_generated/api.js";
import { INLINE_BYTES } from "./bytes.js";
import { MAX_STUBBED_BYTES } from "./page.js";
import { append, entry, newLog, pages, patterned, stream, type Log } from "./setup.test.js";

const LARGE = STUB_BYTES + 1;
const large = (document: string, size = LARGE) => entry(document, { bytes: patterned(size) });

/** What reading a page costs, in documents and bytes. */
const cost = (log: Log, stubs: boolean) =>
  log.query(async (ctx) => {
    const args = { collection: "tasks", scope: "", cursor: null, stubs };
    await ctx.runQuery(api.log.stream, args);
    const { documentsRead, bytesRead } = await ctx.meta.getTransactionMetrics();
    return { documents: documentsRead.used, bytes: bytesRead.used };
  });

describe("a page with stubs", () => {
  it("leaves out the bytes of large entries, and of those only", async () => {
    const log = newLog();
    await append(log, entry("small"), large("limit", STUB_BYTES), large("large"));
    const sizes = async (stubs: boolean) =>
      Object.fromEntries(
        (await stream(log, { stubs })).entries.map((one) => [
          one.document,
          (one.bytes as ArrayBuffer | null)?.byteLength ?? null,
        ]),
      );
    expect(await sizes(true)).toEqual({ small: 5, limit: STUB_BYTES, large: null });
    expect(await sizes(false)).toEqual({ small: 5, limit: STUB_BYTES, large: LARGE });
  });

  it("is the same page otherwise, and goes on from the same place", async () => {
    const log = newLog();
    await append(log, entry("a"), large("b", 3 * LARGE), entry("c"));
    const [whole, stubs] = [await stream(log), await stream(log, { stubs: true })];
    const entries = whole.entries.map((one) =>
      one.document === "b" ? { ...one, bytes: null } : one,
    );
    expect(stubs).toEqual({ ...whole, entries });
  });

  it("reads none of the bytes that it leaves out (S1)", async () => {
    expect(STUB_BYTES).toBeGreaterThan(INLINE_BYTES);
    const log = newLog();
    for (let n = 0; n < 5; n++) await append(log, large(`d${n}`, 300_000));
    const [whole, stubs] = [await cost(log, false), await cost(log, true)];
    expect(whole.documents - stubs.documents).toBe(5);
    expect(whole.bytes).toBeGreaterThan(5 * 300_000);
    expect(stubs.bytes).toBeLessThan(5 * 1_000);
  });

  it("is bounded in what a client that has nothing of it would have to hold", async () => {
    const log = newLog();
    const each = MAX_STUBBED_BYTES / 4;
    for (let n = 0; n < 6; n++) await append(log, large(`d${n}`, each));
    const counts = (await pages(log, { stubs: true })).map((page) => page.entries.length);
    expect(counts).toEqual([4, 2]);
  });
});
