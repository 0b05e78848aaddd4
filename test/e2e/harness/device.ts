import type { BrowserContext } from "playwright-core";
import { Board } from "./board.js";
import type { Troubles } from "./troubles.js";

/** A browser with storage of its own; its tabs share IndexedDB, Web Locks and BroadcastChannel. */
export class Device {
  constructor(
    readonly context: BrowserContext,
    readonly url: string,
    readonly troubles: Troubles,
  ) {}

  /** Opens the app in a new tab and waits until it shows the board. */
  async openTab(): Promise<Board> {
    const page = await this.context.newPage();
    this.troubles.watch(page);
    const board = new Board(page, this.troubles);
    await page.goto(this.url);
    await board.shown();
    return board;
  }

  /** What "Clear site data" does, while the app is open. */
  async deleteStorage() {
    const [page] = this.context.pages();
    const session = await this.context.newCDPSession(page!);
    const { origin } = new URL(this.url);
    await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
  }
}
