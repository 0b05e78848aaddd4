// @ts-check
/**
 * `node bench/storage.mjs`: local storage in Chromium: ours beside y-indexeddb, and at 10,000 and
 * 100,000 rows. Writes storage.md beside this file.
 */
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { format, resolveConfig } from "prettier";
import { ensureChromium } from "../dev/install.mjs";

const REPORT = fileURLToPath(new URL("storage.md", import.meta.url));

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("storage-page.ts", import.meta.url))],
  bundle: true,
  write: false,
  format: "iife",
  globalName: "bench",
});
const server = createServer((_request, response) => {
  response.setHeader("content-type", "text/html").end("<!doctype html><title>bench</title>");
});
await new Promise((listening) => server.listen(0, "127.0.0.1", () => listening(null)));
const browser = await chromium.launch({
  executablePath: ensureChromium(),
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  const page = await browser.newPage();
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  await page.goto(`http://127.0.0.1:${port}/`);
  const report = await page.evaluate(`${outputFiles[0]?.text}; bench.run()`);
  const options = await resolveConfig(REPORT);
  writeFileSync(REPORT, await format(String(report), { ...options, parser: "markdown" }));
} finally {
  await browser.close();
  server.close();
}
