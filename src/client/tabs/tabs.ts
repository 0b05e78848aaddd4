import { Emitter } from "../platform/emitter.js";
import type { SyncState } from "./sync-state.js";

/** What tabs of one browser tell each other about one collection; storage holds the facts (C9). */
export type TabMessage =
  /** Rows or outbox changed on disk, or are about to. */
  | { type: "changed" }
  /** A tab has just opened and wants to know how syncing goes. */
  | { type: "hello" }
  | { type: "state"; state: SyncState }
  /** What is on disk should be sent now. */
  | { type: "flush" }
  | SignOfLife;

/** These never change, whatever the version: each tab can tell that the one that syncs is alive. */
type SignOfLife =
  /** Is the tab that syncs still there? */
  | { type: "ask" }
  /** The tab that syncs is; and whether somebody can see it. */
  | { type: "alive"; visible: boolean };

export interface Tabs {
  /**
   * Gets this tab in line for being the one that syncs, and calls back once it is its turn.
   *
   * @param onLost Another tab has taken the turn by force.
   * @param how `"steal"` takes the turn at once, from whichever tab has it.
   * @returns gives up the turn, or the place in the queue.
   */
  lead(onLead: () => void, onLost: () => void, how: "queue" | "steal"): () => void;
  post(message: TabMessage): void;
  onMessage(listener: (message: TabMessage) => void): () => void;
  close(): void;
}

/** Of the messages; storage has a version of its own, and one lock is for all versions. */
const MESSAGE_VERSION = 1;

const SIGNS_OF_LIFE = new Set<string>(["ask", "alive"] satisfies SignOfLife["type"][]);

/** Elects one tab by a Web Lock; where there are none, every tab is alone and leads. */
export function browserTabs(name: string): Tabs {
  const locks = typeof navigator === "undefined" ? undefined : navigator.locks;
  if (!locks || typeof BroadcastChannel === "undefined") return loneTab();

  const channel = new BroadcastChannel(`convex-replicate:${name}`);
  const messages = new Emitter<[TabMessage]>();
  const closed = new AbortController();
  channel.onmessage = ({ data }: MessageEvent<unknown>) => {
    const message = understood(data);
    if (message) messages.emit(message);
  };
  return {
    lead(onLead, onLost, how) {
      const over = new AbortController();
      closed.signal.addEventListener("abort", () => over.abort(), { signal: over.signal });
      let granted = false;
      const untilOver = () =>
        new Promise<void>((resolve) => {
          if (over.signal.aborted) return resolve();
          over.signal.addEventListener("abort", () => resolve(), { once: true });
          granted = true;
          onLead();
        });
      // The two options exclude each other; what is stolen is granted at once anyway.
      const options = how === "steal" ? { steal: true } : { signal: over.signal };
      locks.request(`convex-replicate:${name}`, options, untilOver).catch(() => {
        if (over.signal.aborted) return; // given up, still in the queue or later
        if (granted) onLost();
        else onLead(); // denied, as in a sandboxed frame: then it is alone
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

type Envelope = { version: number; message: TabMessage };

const TYPES = new Set<string>([
  ...(["changed", "hello", "state", "flush"] satisfies TabMessage["type"][]),
  ...SIGNS_OF_LIFE,
]);

/**
 * A message of another version is not understood, but its tab may well have changed something.
 *
 * @returns null for what is not a message of any version.
 */
function understood(data: unknown): TabMessage | null {
  const { version, message } = (data ?? {}) as Partial<Envelope>;
  if (typeof version !== "number" || typeof message?.type !== "string") return null;
  if (SIGNS_OF_LIFE.has(message.type)) return message;
  if (version !== MESSAGE_VERSION) return { type: "changed" };
  const isWhole = message.type !== "state" || typeof message.state?.caughtUp === "boolean";
  return TYPES.has(message.type) && isWhole ? message : null;
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
