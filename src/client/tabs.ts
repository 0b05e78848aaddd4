import { Emitter } from "./emitter.js";
import type { SyncState } from "./sync/state.js";

/** What tabs of one browser tell each other about one collection; storage holds the facts (C9). */
export type TabMessage =
  /** Rows or outbox changed on disk. */
  | { type: "changed" }
  /** A tab has just opened and wants to know how syncing goes. */
  | { type: "hello" }
  | { type: "state"; state: SyncState };

export interface Tabs {
  /**
   * Queues for being the tab that syncs, and calls back once it is this one's turn.
   *
   * @returns gives up the turn, or the place in the queue.
   */
  lead(onLead: () => void): () => void;
  post(message: TabMessage): void;
  onMessage(listener: (message: TabMessage) => void): () => void;
  close(): void;
}

/** Tabs of different package versions ignore each other's messages, not each other's storage. */
const MESSAGE_VERSION = 1;

/** Elects one tab by a Web Lock; where there are none, every tab is alone and leads. */
export function browserTabs(name: string): Tabs {
  const locks = typeof navigator === "undefined" ? undefined : navigator.locks;
  if (!locks || typeof BroadcastChannel === "undefined") return loneTab();

  const channel = new BroadcastChannel(`convex-replicate:${name}`);
  const messages = new Emitter<[TabMessage]>();
  const closed = new AbortController();
  channel.onmessage = ({ data }: MessageEvent<{ version: number; message: TabMessage }>) => {
    if (data.version === MESSAGE_VERSION) messages.emit(data.message);
  };
  return {
    lead(onLead) {
      const over = new AbortController();
      closed.signal.addEventListener("abort", () => over.abort(), { signal: over.signal });
      const untilOver = () =>
        new Promise<void>((resolve) => {
          if (over.signal.aborted) return resolve();
          over.signal.addEventListener("abort", () => resolve(), { once: true });
          onLead();
        });
      locks.request(`convex-replicate:${name}`, { signal: over.signal }, untilOver).catch(() => {
        // Given up while still in the queue; or denied, as in a sandboxed frame: then it is alone.
        if (!over.signal.aborted) onLead();
      });
      return () => over.abort();
    },
    post(message) {
      if (!closed.signal.aborted) channel.postMessage({ version: MESSAGE_VERSION, message });
    },
    onMessage: (listener) => messages.on(listener),
    close() {
      closed.abort();
      channel.close();
    },
  };
}

/** A tab that knows of no other, and leads. */
export function loneTab(): Tabs {
  return {
    lead(onLead) {
      let wanted = true;
      queueMicrotask(() => wanted && onLead());
      return () => void (wanted = false);
    },
    post: () => undefined,
    onMessage: () => () => undefined,
    close: () => undefined,
  };
}
