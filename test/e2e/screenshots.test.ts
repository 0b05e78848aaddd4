import { join } from "node:path";
import type { BrowserContextOptions } from "playwright-core";
import { describe, it } from "vitest";
import { startApp } from "./harness/app.js";
import type { Board } from "./harness/board.js";
import { SCREENSHOTS_FOLDER } from "./setup/constants.js";

/*
 * Pictures to look at, no tests: `SCREENSHOTS=1 npm test -- e2e screenshots` puts them into
 * .cache/screenshots.
 */

const WIDE = { viewport: { width: 1280, height: 800 } };
const NARROW = { viewport: { width: 380, height: 760 } };
const LOOKS: Record<string, BrowserContextOptions> = {
  light: { ...WIDE, colorScheme: "light" },
  dark: { ...WIDE, colorScheme: "dark" },
  narrow: { ...NARROW, colorScheme: "light" },
  "narrow-dark": { ...NARROW, colorScheme: "dark" },
};

const LONG_TITLE = "very ".repeat(30) + "long";

/** Longer than the page's transitions, and than it takes the sync indicator to settle. */
const SETTLE_MS = 800;

describe.runIf(process.env.SCREENSHOTS).each(Object.entries(LOOKS))(
  "screenshots, %s",
  (look, options) => {
    const take = async ({ page }: Board, name: string) => {
      await page.waitForTimeout(SETTLE_MS);
      await page.screenshot({ path: join(SCREENSHOTS_FOLDER, `${look}-${name}.png`) });
    };

    it("from the empty board to a refused change", async () => {
      const app = await startApp();
      const board = await (await app.device(options)).openTab();
      await board.synced();
      await take(board, "1-empty");

      await board.seed(1_000);
      await board.synced();
      await take(board, "2-full");

      const title = (await board.titles())[0]!;
      await board.page.getByTestId("task-menu").first().click();
      await take(board, "3-task-menu");
      await board.page.getByTestId("task-open").click();
      await take(board, "4-panel");
      await board.closePanel();

      await board.goOffline();
      for (let n = 0; n < 3; n++) await board.vote(title);
      await board.remove((await board.titles())[1]!);
      await take(board, "5-offline");
      await board.page.getByTestId("sync-status").click();
      await take(board, "6-offline-details");
      await board.page.keyboard.press("Escape");
      await board.goOnline();
      await board.synced();

      await board.rename(title, LONG_TITLE);
      await board.refused("A title can have");
      await take(board, "7-refused");

      app.faults.delayNext({ path: "tasks:stream", ms: 3_000, count: 3 });
      const newcomer = await (await app.device(options)).openTab();
      await take(newcomer, "8-waiting");
      await newcomer.page.getByTestId("task").first().waitFor();
      await take(newcomer, "9-loading");
    });

    it("without a backend", async () => {
      const app = await startApp();
      await app.stopBackend();
      const board = await (await app.device(options)).openTab();
      await board.page.getByText("Nothing on this device yet").waitFor();
      await take(board, "10-never-loaded");
    });
  },
);
