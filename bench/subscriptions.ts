import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { WebSocket } from "ws";
import { createEngine } from "../dev/backend/engine/engine.js";
import { startBackend } from "../dev/backend/index.js";
import { fixtureApp } from "../test/protocol/fixture/app.js";
import { api } from "../test/protocol/fixture/convex/_generated/api.js";
import { percentiles, time, timeEach, ms, type Figure } from "./measure.js";

const SUBSCRIPTIONS = 1000;
const WRITES = 200;

/** Clients with a socket and a subscription each; every write is for one of them. */
export async function subscriptions(): Promise<Figure[]> {
  const engine = await createEngine(fixtureApp);
  const backend = await startBackend({ app: engine });
  const subscribers: Subscriber[] = [];
  const subscribing = await time(async () => {
    for (let i = 0; i < SUBSCRIPTIONS; i++) subscribers.push(new Subscriber(backend.url, `${i}`));
    await Promise.all(subscribers.map((subscriber) => subscriber.until(0)));
  });

  const writer = new ConvexHttpClient(backend.url, { logger: false });
  const before = engine.metrics.get("messages:list").calls;
  const durations = await timeEach(WRITES, async (i) => {
    // Another one each time, the first one in the warm-up included.
    const subscriber = subscribers[(i * 7) % SUBSCRIPTIONS]!;
    await writer.mutation(api.messages.send, { channel: subscriber.channel, body: "x" });
    await subscriber.until(1);
  });
  const reruns = engine.metrics.get("messages:list").calls - before;
  await Promise.all(subscribers.map((subscriber) => subscriber.client.close()));
  await backend.close();
  return [
    { what: `${SUBSCRIPTIONS} clients connect and subscribe`, result: ms(subscribing) },
    {
      what: `a write that one of ${SUBSCRIPTIONS} live subscriptions reads, until its client has it`,
      result: percentiles(durations),
    },
    {
      what: `queries run again, per such write`,
      result: String(reruns / (WRITES + 1)),
    },
  ];
}

class Subscriber {
  readonly client: ConvexClient;
  #count = -1;
  #wake = () => {};

  constructor(
    url: string,
    readonly channel: string,
  ) {
    this.client = new ConvexClient(url, {
      webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket,
      logger: false,
      unsavedChangesWarning: false,
    });
    this.client.onUpdate(api.messages.list, { channel }, (messages) => {
      this.#count = messages.length;
      this.#wake();
    });
  }

  async until(count: number): Promise<void> {
    while (this.#count < count) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}
