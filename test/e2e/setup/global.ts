import { chromium } from "playwright-core";
import { build } from "vite";
import type { TestProject } from "vitest/node";
import { ensureBuilt } from "../../../dev/build.mjs";
import { ensureChromium } from "../../../dev/install.mjs";
import { CHROMIUM_FLAGS, EXAMPLE, PAGE_FOLDER } from "./constants.js";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the browser of this run listens, for `chromium.connect(…)`. */
    browser: string;
    /** The path of the browser, for a test that needs one of its own. */
    chromium: string;
  }
}

/** One build of the example and one browser for all files of a run. */
export default async function setup(project: TestProject) {
  const executablePath = ensureChromium();
  ensureBuilt();
  await buildPage();
  const browser = await chromium.launchServer({
    executablePath,
    args: CHROMIUM_FLAGS,
    host: "127.0.0.1",
  });
  project.provide("chromium", executablePath);
  project.provide("browser", browser.wsEndpoint());
  return () => browser.close();
}

/** The example, for a browser in which `CONVEX_URL` is set before the page starts. */
export async function buildPage() {
  const { NODE_ENV } = process.env;
  process.env.NODE_ENV = "production"; // Vitest says "test", and Vite would believe it
  await build({
    root: EXAMPLE,
    logLevel: "warn",
    // Each test has a backend of its own, so the page learns its address when it starts.
    define: { "import.meta.env.VITE_CONVEX_URL": "globalThis.CONVEX_URL" },
    build: { outDir: PAGE_FOLDER, emptyOutDir: true },
  });
  process.env.NODE_ENV = NODE_ENV;
}
