/**
 * The app's network, with a switch. Off, every socket is closed, nothing that still arrives on one
 * is delivered, and a new one fails: to the Convex client it is an ordinary outage. The switch is
 * that of the whole browser, because its tabs share their data and one of them syncs for all.
 */
export interface Network {
  /** Give this to the Convex client as `webSocketConstructor`. */
  readonly webSocket: typeof WebSocket;
  isConnected(): boolean;
  setConnected(connected: boolean): void;
  subscribe(listener: () => void): () => void;
}

/** Kept, so that a browser that was working offline still does after a reload. */
const OFFLINE_KEY = "work-offline";

export function createNetwork(storage: Storage = localStorage): Network {
  const sockets = new Set<WebSocket>();
  const listeners = new Set<() => void>();
  const isKeptConnected = () => storage.getItem(OFFLINE_KEY) === null;
  let connected = isKeptConnected();

  class SwitchedWebSocket extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      // Registered before the owner's handler can be, so a message that was under way when the
      // switch went off stops here.
      this.addEventListener("message", (event) => {
        if (!connected) event.stopImmediatePropagation();
      });
      this.addEventListener("close", () => sockets.delete(this));
      sockets.add(this);
      if (!connected) this.close();
    }
  }

  const follow = () => {
    if (isKeptConnected() === connected) return;
    connected = isKeptConnected();
    if (!connected) for (const socket of sockets) socket.close();
    // What a browser says when its network goes and comes back; on "online" the Convex client
    // reconnects at once in place of waiting out its backoff.
    window.dispatchEvent(new Event(connected ? "online" : "offline"));
    for (const listener of listeners) listener();
  };
  // Another tab has used the switch.
  window.addEventListener("storage", follow);

  return {
    webSocket: SwitchedWebSocket,
    isConnected: () => connected,
    setConnected(next) {
      if (next) storage.removeItem(OFFLINE_KEY);
      else storage.setItem(OFFLINE_KEY, "yes");
      follow();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
