import { expect, it } from "vitest";
import { Leadership } from "./leadership.js";
import { HOUR, quiet, SECOND, VirtualTime } from "./setup.test.js";
import type { Tabs } from "./tabs.js";
import type { Transport } from "./transport.js";

/** One tab; the lock is granted by hand. */
function setUp({ connected = true } = {}) {
  const time = new VirtualTime();
  const network = { connected };
  const places: { grant: () => void; given: boolean }[] = [];
  const log: string[] = [];
  const tabs: Pick<Tabs, "lead"> = {
    lead(onLead) {
      const place = { grant: onLead, given: true };
      places.push(place);
      return () => (place.given = false);
    },
  };
  const transport: Pick<Transport, "isConnected"> = { isConnected: () => network.connected };
  const leadership = new Leadership(
    { ...tabs, transport: transport as Transport, environment: time },
    () => log.push("leads"),
    () => log.push("steps down"),
  );
  const setConnected = (connected: boolean) => {
    network.connected = connected;
    leadership.update();
  };
  return { time, leadership, places, log, setConnected };
}

it("a connected tab queues once, and leads when it is its turn", async () => {
  const { leadership, places, log } = setUp();
  leadership.update();
  leadership.update();
  expect(places).toHaveLength(1);
  expect(leadership.leads).toBe(false);
  places[0]!.grant();
  expect(leadership.leads).toBe(true);
  expect(log).toEqual(["leads"]);
});

it("a tab that never reached the server does not queue", async () => {
  const { time, leadership, places, setConnected } = setUp({ connected: false });
  leadership.update();
  await time.advance(HOUR);
  expect(places).toEqual([]);
  setConnected(true);
  expect(places).toHaveLength(1);
});

it("a short cut changes nothing", async () => {
  const { time, leadership, places, log, setConnected } = setUp();
  leadership.update();
  places[0]!.grant();
  for (let round = 0; round < 10; round++) {
    setConnected(false);
    await time.advance(4 * SECOND);
    setConnected(true);
    await time.advance(SECOND);
  }
  expect(log).toEqual(["leads"]);
  expect(places).toHaveLength(1);
  expect(time.waiting).toBe(0);
});

it("a tab that stays cut off gives up its turn, and queues again once it is back", async () => {
  const { time, leadership, places, log, setConnected } = setUp();
  leadership.update();
  places[0]!.grant();
  setConnected(false);
  await time.advance(5 * SECOND);
  expect(log).toEqual(["leads", "steps down"]);
  expect([leadership.leads, places[0]!.given]).toEqual([false, false]);
  setConnected(true);
  expect(places).toHaveLength(2);
  places[1]!.grant();
  expect(log).toEqual(["leads", "steps down", "leads"]);
});

it("attempts to connect that fail do not prolong the turn", async () => {
  const { time, leadership, places, log, setConnected } = setUp();
  leadership.update();
  places[0]!.grant();
  for (let second = 0; second < 5; second++) {
    setConnected(false);
    await time.advance(SECOND);
  }
  expect(log).toEqual(["leads", "steps down"]);
});

it("a tab that stays cut off while it waits gives up its place, and is told of nothing", async () => {
  const { time, leadership, places, log, setConnected } = setUp();
  leadership.update();
  setConnected(false);
  await time.advance(5 * SECOND);
  expect(places[0]!.given).toBe(false);
  places[0]!.grant(); // the turn was on its way already
  expect([leadership.leads, log]).toEqual([false, []]);
});

it("stepping down ends everything, timers included, and twice is once", async () => {
  const { time, leadership, places, log, setConnected } = setUp();
  leadership.update();
  places[0]!.grant();
  setConnected(false);
  leadership.stepDown();
  leadership.stepDown();
  await quiet();
  expect(log).toEqual(["leads", "steps down"]);
  expect(time.waiting).toBe(0);
});
