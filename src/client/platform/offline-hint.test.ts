import { expect, it, vi } from "vitest";
import { makeFunctionReference } from "convex/server";
import { quiet, SECOND, VirtualTime } from "../setup.test.js";
import { convexTransport, type ConvexClientLike, type ReplicateApi } from "./transport.js";

const api = { protocol: makeFunctionReference("tasks:protocol") } as unknown as ReplicateApi;

/** A client whose socket looks open, unless it is told otherwise. */
function setUp() {
  let isOpen = true;
  const answers: { resolve: () => void; reject: () => void }[] = [];
  const client = {
    query: () =>
      new Promise<void>((resolve, reject) => {
        answers.push({ resolve, reject: () => reject(new Error("refused")) });
      }),
    connectionState: () => ({ isWebSocketConnected: isOpen }),
    subscribeToConnectionState: () => () => undefined,
  } as unknown as ConvexClientLike;
  const listeners = new Set<(online: boolean) => void>();
  const onNetwork = (listener: (online: boolean) => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const time = new VirtualTime();
  const transport = convexTransport(client, api, { onNetwork }, time);
  const heard = vi.fn();
  const stop = transport.onConnection(heard);
  const say = (online: boolean) => listeners.forEach((listener) => listener(online));
  const setOpen = (open: boolean) => void (isOpen = open);
  return { time, setOpen, transport, answers, listeners, heard, stop, say };
}

it("without a network a socket that looks open is none, at once, until there is one again", () => {
  const { transport, heard, say } = setUp();
  expect(transport.isConnected()).toBe(true);
  say(false);
  expect([transport.isConnected(), heard.mock.calls.length]).toEqual([false, 1]);
  say(true);
  expect([transport.isConnected(), heard.mock.calls.length]).toEqual([true, 2]);
});

it.each(["resolve", "reject"] as const)(
  "a server that can be asked all the same is there: %s",
  async (how) => {
    const { time, transport, answers, say } = setUp();
    say(false);
    await time.advance(SECOND);
    answers[0]![how]();
    await quiet();
    expect(transport.isConnected()).toBe(true);
  },
);

it("an answer to what was asked before the network went again says nothing", async () => {
  const { time, transport, answers, say } = setUp();
  for (const online of [false, true, false]) {
    say(online);
    await time.advance(SECOND);
  }
  answers[0]!.resolve();
  await quiet();
  expect(transport.isConnected()).toBe(false);
  answers[1]!.resolve();
  await quiet();
  expect(transport.isConnected()).toBe(true);
});

it("nobody is listened to once nobody listens, and nothing is suspected any more", () => {
  const { transport, listeners, stop, say } = setUp();
  say(false);
  stop();
  stop();
  expect([listeners.size, transport.isConnected()]).toEqual([0, true]);
});

it("a socket that is closing is asked nothing", async () => {
  const { time, answers, setOpen, say } = setUp();
  say(false);
  setOpen(false);
  await time.advance(SECOND);
  expect(answers).toEqual([]);
});
