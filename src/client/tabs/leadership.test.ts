import { describe, expect, it } from "vitest";
import { Leadership } from "./leadership.js";
import { FakePage, HOUR, quiet, SECOND, VirtualTime } from "../setup.test.js";
import type { Tabs } from "./tabs.js";

type Place = { how: "queue" | "steal"; grant: () => void; lose: () => void; given: boolean };

/** One tab; the lock is granted, and taken away, by hand. */
function setUp({ connected = true } = {}) {
  const time = new VirtualTime();
  const network = { connected };
  const page = new FakePage();
  const places: Place[] = [];
  const log: string[] = [];
  const lead: Tabs["lead"] = (grant, lose, how = "queue") => {
    const place = { grant, lose, how, given: true };
    places.push(place);
    return () => (place.given = false);
  };
  const leadership = new Leadership({
    lead,
    page,
    transport: { isConnected: () => network.connected },
    environment: time,
    ask: () => log.push("asks"),
    onLead: () => log.push("leads"),
    onStepDown: () => log.push("steps down"),
  });
  const setConnected = (connected: boolean) => {
    network.connected = connected;
    leadership.update();
  };
  const setVisible = (visible: boolean) => {
    page.setVisible(visible);
    leadership.update();
  };
  const asks = () => log.filter((line) => line === "asks").length;
  return { time, leadership, places, log, page, setConnected, setVisible, asks };
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

it("pausing ends everything, timers included, and twice is once", async () => {
  const { time, leadership, places, log, setConnected } = setUp();
  leadership.update();
  places[0]!.grant();
  setConnected(false);
  leadership.pause();
  leadership.pause();
  await quiet();
  expect(log).toEqual(["leads", "steps down"]);
  expect(time.waiting).toBe(0);
});

it("a tab that pauses does nothing until it goes on", async () => {
  const { time, leadership, places, setConnected } = setUp();
  leadership.update();
  leadership.pause();
  setConnected(true);
  await time.advance(HOUR);
  expect(places).toHaveLength(1);
  leadership.resume();
  leadership.update();
  expect(places.map(({ given }) => given)).toEqual([false, true]);
});

it("a tab that cannot sync as it is lets the others first, and tries again after a minute", async () => {
  const { time, leadership, places, log, setConnected } = setUp();
  leadership.update();
  places[0]!.grant();
  leadership.giveWay();
  expect(log).toEqual(["leads", "steps down"]);
  setConnected(true); // no reason to hurry
  expect(places).toHaveLength(1);
  await time.advance(60 * SECOND);
  expect(places).toHaveLength(2);
  leadership.giveWay();
  leadership.pause();
  expect(time.waiting).toBe(0);
});

describe("a tab that waits, and is seen", () => {
  it("takes over from a leader that gives no sign of life", async () => {
    const { time, leadership, places, log, asks } = setUp();
    leadership.update();
    await time.advance(15 * SECOND);
    expect(asks()).toBe(3);
    expect(places.map(({ how }) => how)).toEqual(["queue"]);
    await time.advance(5 * SECOND);
    expect(places.map(({ how, given }) => [how, given])).toEqual([
      ["queue", false],
      ["steal", true],
    ]);
    places[1]!.grant();
    await time.advance(HOUR);
    expect([leadership.leads, log.at(-1), asks()]).toEqual([true, "leads", 3]);
    expect(time.waiting).toBe(0);
  });

  it("leaves a leader alone that answers, however late", async () => {
    const { time, leadership, places } = setUp();
    leadership.update();
    for (let round = 0; round < 50; round++) {
      await time.advance(14 * SECOND);
      leadership.heard(true);
    }
    expect(places).toHaveLength(1);
  });

  it("takes over from a leader that nobody sees, but not at its first look", async () => {
    const { time, leadership, places } = setUp();
    leadership.update();
    await time.advance(5 * SECOND);
    leadership.heard(false);
    await time.advance(5 * SECOND);
    expect(places).toHaveLength(1);
    leadership.heard(false);
    await time.advance(5 * SECOND);
    expect(places.map(({ how }) => how)).toEqual(["queue", "steal"]);
  });

  it("forgets that the leader was hidden once it is seen again", async () => {
    const { time, leadership, places } = setUp();
    leadership.update();
    for (let round = 0; round < 20; round++) {
      await time.advance(5 * SECOND);
      leadership.heard(round % 2 === 0);
    }
    expect(places).toHaveLength(1);
  });

  it("asks again, and not at once, when its turn does not come", async () => {
    const { time, leadership, places } = setUp();
    leadership.update();
    await time.advance(20 * SECOND);
    expect(places).toHaveLength(2);
    await time.advance(15 * SECOND);
    expect(places).toHaveLength(2);
    await time.advance(5 * SECOND);
    expect(places.map(({ how, given }) => [how, given])).toEqual([
      ["queue", false],
      ["steal", false],
      ["steal", true],
    ]);
  });

  it.each<[string, (tab: ReturnType<typeof setUp>) => void]>([
    ["is hidden", ({ setVisible }) => setVisible(false)],
    ["leads", ({ places }) => places[0]!.grant()],
    ["pauses", ({ leadership }) => leadership.pause()],
    ["cannot sync", ({ leadership }) => leadership.giveWay()],
  ])("asks nothing any more while it %s", async (_name, change) => {
    const tab = setUp();
    tab.leadership.update();
    await tab.time.advance(10 * SECOND);
    change(tab);
    await tab.time.advance(50 * SECOND);
    expect(tab.asks()).toBe(2);
    expect(tab.places).toHaveLength(1);
  });

  it("counts from nothing when it is seen again", async () => {
    const { time, leadership, places, setVisible } = setUp();
    leadership.update();
    await time.advance(15 * SECOND);
    setVisible(false);
    await time.advance(HOUR);
    setVisible(true);
    await time.advance(15 * SECOND);
    expect(places).toHaveLength(1);
  });
});

describe("a tab whose turn is taken", () => {
  it("steps down, and queues again", async () => {
    const { leadership, places, log } = setUp();
    leadership.update();
    places[0]!.grant();
    places[0]!.lose();
    expect(log).toEqual(["leads", "steps down"]);
    expect(leadership.leads).toBe(false);
    expect(places.map(({ how }) => how)).toEqual(["queue", "queue"]);
    places[0]!.grant(); // an echo
    expect(leadership.leads).toBe(false);
    places[1]!.grant();
    expect(leadership.leads).toBe(true);
  });
});
