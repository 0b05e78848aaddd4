import type { CDPSession, Locator, Page } from "playwright-core";
import { expect, vi } from "vitest";
import type { Status } from "../../../example/convex/fields.js";
import { countOutbox, isDiskFree, isKept } from "./in-page.js";
import type { Troubles } from "./troubles.js";

/** How long anything may take. Generous: a slow machine is no failure. */
const PATIENCE_MS = 30_000;

/** What the sync indicator says. */
export type Sync = { phase: string; pending: number };

/** One tab with the task board, as somebody in front of it sees and uses it. */
export class Board {
  constructor(
    readonly page: Page,
    readonly troubles: Troubles,
  ) {
    page.setDefaultTimeout(PATIENCE_MS);
  }

  async shown() {
    await this.page.getByTestId("column-todo").waitFor();
  }

  task(title: string): Locator {
    const heading = this.page.getByTestId("task-title").getByText(title, { exact: true });
    return this.page.getByTestId("task").filter({ has: heading });
  }

  column(status: Status): Locator {
    return this.page.getByTestId(`column-${status}`);
  }

  /** The titles of all cards, in the order of the page. */
  titles(): Promise<string[]> {
    return this.page.getByTestId("task-title").allTextContents();
  }

  async votes(title: string): Promise<number> {
    return Number(await this.task(title).getByTestId("task-votes").textContent());
  }

  async sync(): Promise<Sync> {
    const status = this.page.getByTestId("sync-status");
    const phase = (await status.getAttribute("data-phase")) ?? "";
    return { phase, pending: Number(await status.getAttribute("data-pending")) };
  }

  async add(title: string, status: Status = "todo") {
    await this.submit(title, status);
    await this.task(title).waitFor();
  }

  /** Like `add`, for a task that the server may refuse before anyone has looked. */
  async submit(title: string, status: Status = "todo") {
    const input = this.page.getByTestId(`new-task-${status}`);
    await input.fill(title);
    await input.press("Enter");
  }

  async rename(title: string, next: string) {
    await this.task(title).getByTestId("task-title").click();
    const input = this.page.getByTestId("task-title-input");
    await input.fill(next);
    await input.press("Enter");
    await this.task(next).waitFor();
  }

  async vote(title: string) {
    await this.task(title).getByTestId("task-vote").click();
  }

  async remove(title: string) {
    await this.task(title).getByTestId("task-menu").click();
    await this.page.getByTestId("task-delete").click();
    await this.task(title).waitFor({ state: "detached" });
  }

  async undo() {
    await this.page.getByTestId("toast-action").click();
  }

  /** Writes into a field of the task's panel, and closes it. */
  async fill(title: string, field: "notes" | "assignee" | "due", text: string) {
    await this.openPanel(title);
    await this.page.getByTestId(`panel-${field}`).fill(text);
    await this.closePanel();
  }

  async read(title: string, field: "notes" | "assignee" | "due"): Promise<string> {
    await this.openPanel(title);
    const text = await this.page.getByTestId(`panel-${field}`).inputValue();
    await this.closePanel();
    return text;
  }

  async openPanel(title: string) {
    await this.task(title).getByTestId("task-menu").click();
    await this.page.getByTestId("task-open").click();
    await this.page.getByTestId("panel-title").waitFor();
  }

  async closePanel() {
    await this.page.getByTestId("panel-close").click();
    await this.page.getByTestId("task-panel").waitFor({ state: "detached" });
  }

  /** Flips the page's own switch, which cuts all tabs of the device off at once. */
  async goOffline() {
    this.troubles.expectOutage();
    await this.#flip("true");
  }

  async goOnline() {
    await this.#flip("false");
  }

  async #flip(offline: "true" | "false") {
    const toggle = this.page.getByTestId("network-toggle");
    await toggle.click();
    await eventually(async () => expect(await toggle.getAttribute("aria-checked")).toBe(offline));
  }

  /** Waits until the page tells that the server refused a change, for a reason with these words. */
  async refused(reason: string) {
    await this.page.getByTestId("refused").getByText(reason).waitFor();
  }

  /** Clicks faster than anybody could, without a look at the page between two clicks. */
  async clickQuickly(target: Locator, times: number) {
    await target.click({ clickCount: times, delay: 10 });
  }

  /** Fills the board with made-up tasks, through its menu. */
  async seed(count: 200 | 1_000) {
    await this.page.getByTestId("board-menu").click();
    await this.page.getByTestId(`seed-${count}`).click();
  }

  /** The numbers at the heads of the columns. */
  async counts(): Promise<Record<Status, number>> {
    const count = async (status: Status) =>
      Number(await this.column(status).getByTestId("column-count").textContent());
    return { todo: await count("todo"), doing: await count("doing"), done: await count("done") };
  }

  async reload() {
    await this.page.reload();
    await this.shown();
  }

  /**
   * Ends the page's process without a word to the page.
   *
   * @param session One that was made before, for a page that stands still.
   */
  async crash(session?: CDPSession) {
    this.troubles.expect(/^The page crashed/);
    const crashed = this.page.waitForEvent("crash");
    await this.#debug("Page.crash", session);
    await crashed;
    await this.page.close();
  }

  /** Ends the browser's process without a word to anybody. */
  async crashBrowser() {
    this.troubles.expect(/^The page crashed/);
    const closed = this.page.context().waitForEvent("close");
    await this.#debug("Browser.crash");
    await closed;
  }

  /**
   * Stops the page between two steps, as browsers do with tabs that nobody has looked at for long:
   * nothing in it goes on, and its lock is still its own. (Chromium freezes no visible page, and a
   * browser without windows shows them all: so it is the debugger that stops it.)
   *
   * Chromium freezes no page in the middle of a transaction that other tabs wait for, either; the
   * debugger would: then it tries again.
   *
   * @returns lets it go on.
   */
  async freeze(): Promise<() => Promise<void>> {
    const session = await this.page.context().newCDPSession(this.page);
    await session.send("Debugger.enable");
    const other = this.page
      .context()
      .pages()
      .find((page) => page !== this.page)!;
    do {
      await session.send("Debugger.resume").catch(() => undefined); // not paused yet
      await this.#pause(session);
    } while (!(await other.evaluate(isDiskFree)));
    return async () => {
      await session.send("Debugger.resume");
      await session.detach();
    };
  }

  async #pause(session: CDPSession) {
    const paused = new Promise((resolve) => session.once("Debugger.paused", resolve));
    await session.send("Debugger.pause");
    // A page that has nothing to do stops at the next thing it does.
    session.send("Runtime.evaluate", { expression: "0" }).catch(() => undefined);
    await paused;
  }

  /** Lets the page believe that nobody sees it; a browser without windows shows all its tabs. */
  async hide() {
    await this.page.evaluate(() => {
      Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
      document.dispatchEvent(new Event("visibilitychange"));
    });
  }

  async #debug(command: "Page.crash" | "Browser.crash", session?: CDPSession) {
    const debugging = session ?? (await this.page.context().newCDPSession(this.page));
    debugging.send(command).catch(() => undefined); // it dies before it can answer
  }

  /** Waits until IndexedDB holds so many changes that wait to be sent. */
  async stored(changes: number) {
    await eventually(async () => expect(await this.page.evaluate(countOutbox)).toBe(changes));
  }

  /** Waits until the page could start without the server it came from. */
  async keptForOfflineStart() {
    await eventually(async () => expect(await this.page.evaluate(isKept)).toBe(true));
  }

  /** Waits until this tab has everything the server has, and the other way round. */
  async synced() {
    await eventually(async () => expect(await this.sync()).toEqual({ phase: "live", pending: 0 }));
  }
}

/** Asks again and again until `check` throws no more. */
export async function eventually(check: () => unknown): Promise<void> {
  await vi.waitFor(check, { timeout: PATIENCE_MS, interval: 25 });
}
