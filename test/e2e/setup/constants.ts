import { fileURLToPath } from "node:url";

const fromRoot = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

export const EXAMPLE = fromRoot("example");

/** The built example. */
export const PAGE_FOLDER = fromRoot(".cache/e2e/page");

/** What the page looked like when a test failed. */
export const FAILURES_FOLDER = fromRoot(".cache/e2e/failures");

/** A browser that needs no sandbox, no graphics card and no network beyond this machine. */
export const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const SCREENSHOTS_FOLDER = fromRoot(".cache/screenshots");
