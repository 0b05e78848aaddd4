import { expect, it } from "vitest";
import type { StreamPage } from "../../shared/wire.js";
import type { Transport } from "../platform/transport.js";
import { untilAllowed } from "./handshake.js";

const PAGE = { entries: [], cursor: "c" } as unknown as StreamPage;

/** A wait for a read that was refused, and the subscription that it listens to. */
class Waiting {
  isOver = false;
  isListening = false;
  page!: () => void;
  refuse!: () => void;
  endPause!: () => void;

  constructor() {
    const subscribe: Transport["subscribe"] = (_cursor, onPage, onError) => {
      this.isListening = true;
      this.page = () => onPage(PAGE);
      this.refuse = () => onError(new Error("Please sign in."));
      return () => void (this.isListening = false);
    };
    const pause = new Promise<void>((resolve) => (this.endPause = resolve));
    const over = untilAllowed({ subscribe } as Transport, "cursor", pause);
    void over.then(() => (this.isOver = true));
  }

  async settled() {
    await new Promise((resolve) => setTimeout(resolve));
    const { isOver, isListening } = this;
    return { isOver, isListening };
  }
}

const WAITS = { isOver: false, isListening: true };
const OVER = { isOver: true, isListening: false };

it("ends as soon as the read is allowed, whatever is left of the pause", async () => {
  const waiting = new Waiting();
  waiting.refuse();
  expect(await waiting.settled()).toEqual(WAITS);
  waiting.refuse();
  expect(await waiting.settled()).toEqual(WAITS);
  waiting.page();
  expect(await waiting.settled()).toEqual(OVER);
});

it("ends with the pause when the read stays refused", async () => {
  const waiting = new Waiting();
  waiting.refuse();
  waiting.endPause();
  expect(await waiting.settled()).toEqual(OVER);
});

it("keeps the pause when the subscription was never refused: something else was", async () => {
  const waiting = new Waiting();
  waiting.page();
  expect(await waiting.settled()).toEqual(WAITS);
  waiting.endPause();
  expect(await waiting.settled()).toEqual(OVER);
});
