import type { ConsoleMessage, Page } from "playwright-core";

/** What Chromium itself prints about a connection that cannot be made. */
const OUTAGE_NOISE = [/^WebSocket connection to /, /^Failed to load resource: net::ERR_/];

/** Everything that went wrong unseen: errors on consoles, uncaught exceptions, failed functions. */
export class Troubles {
  readonly #seen: string[] = [];
  readonly #expected: RegExp[] = [];

  add(trouble: string) {
    this.#seen.push(trouble);
  }

  /** From now on the network is, or may be, away, and the browser says so. */
  expectOutage() {
    this.#expected.push(...OUTAGE_NOISE);
  }

  expect(pattern: RegExp) {
    this.#expected.push(pattern);
  }

  unexpected(): string[] {
    return this.#seen.filter((trouble) => !this.#expected.some((known) => known.test(trouble)));
  }

  watch(page: Page) {
    page.on("pageerror", (error) => this.add(`Uncaught: ${error.stack ?? error.message}`));
    page.on("crash", () => this.add("The page crashed."));
    page.on("console", (message: ConsoleMessage) => {
      if (message.type() === "error") this.add(message.text());
    });
  }
}
