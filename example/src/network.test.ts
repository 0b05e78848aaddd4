import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createNetwork } from "./network.js";

class FakeSocket extends EventTarget {
  closed = false;
  constructor(readonly url: string) {
    super();
  }
  close() {
    this.closed = true;
    this.dispatchEvent(new Event("close"));
  }
}

class FakeStorage {
  private readonly items = new Map<string, string>();
  getItem(key: string) {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string) {
    this.items.set(key, value);
  }
  removeItem(key: string) {
    this.items.delete(key);
  }
}

let storage: Storage;
const connect = (network: ReturnType<typeof createNetwork>) =>
  new network.webSocket("ws://app.test") as unknown as FakeSocket;

beforeEach(() => {
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("window", new EventTarget());
  storage = new FakeStorage() as unknown as Storage;
});
afterEach(() => vi.unstubAllGlobals());

test("cutting closes what is open, and what is opened later, until it is restored", () => {
  const network = createNetwork(storage);
  const open = connect(network);
  expect(open.closed).toBe(false);
  network.setConnected(false);
  expect(open.closed).toBe(true);
  expect(connect(network).closed).toBe(true);
  network.setConnected(true);
  expect(connect(network).closed).toBe(false);
});

test("a message under way at the cut is not delivered", () => {
  const network = createNetwork(storage);
  const socket = connect(network);
  const received = vi.fn();
  socket.addEventListener("message", received);
  socket.dispatchEvent(new Event("message"));
  expect(received).toHaveBeenCalledTimes(1);
  network.setConnected(false);
  socket.dispatchEvent(new Event("message"));
  expect(received).toHaveBeenCalledTimes(1);
});

test("the page hears of it as of any outage, and a reload keeps it", () => {
  const network = createNetwork(storage);
  const heard: string[] = [];
  for (const type of ["online", "offline"]) {
    window.addEventListener(type, () => heard.push(type));
  }
  network.setConnected(false);
  expect(createNetwork(storage).isConnected()).toBe(false);
  network.setConnected(true);
  expect(createNetwork(storage).isConnected()).toBe(true);
  expect(heard).toEqual(["offline", "online"]);
});

test("the switch is that of all tabs", () => {
  const here = createNetwork(storage);
  const socket = connect(here);
  const heard = vi.fn();
  here.subscribe(heard);
  const other = createNetwork(storage);
  other.setConnected(false);
  expect(here.isConnected()).toBe(true);
  window.dispatchEvent(new Event("storage"));
  expect(here.isConnected()).toBe(false);
  expect(socket.closed).toBe(true);
  expect(heard).toHaveBeenCalledTimes(1);
});
