import type { WebSocket } from "ws";
import { toFrames } from "./chunks.js";
import type { ServerMessage } from "./messages.js";

/** The client gives up after 60 s of silence; Convex breaks it after 15. */
const PING_INTERVAL_MS = 15_000;
const CLOSE_NORMAL = 1000;
const CLOSE_INTERNAL_ERROR = 1011;
const MAX_CLOSE_REASON_LENGTH = 100;

/** One WebSocket that speaks protocol messages. */
export class Connection {
  #socket: WebSocket;
  #ping: NodeJS.Timeout;
  #open = true;
  /** What is to be sent once the connection is no longer stalled. */
  #held: string[] | null = null;

  constructor(socket: WebSocket, onMessage: (text: string) => void, onEnd: () => void) {
    this.#socket = socket;
    this.#ping = setInterval(() => this.send({ type: "Ping" }), PING_INTERVAL_MS);
    socket.on("message", (data: Buffer) => {
      if (this.#open) onMessage(data.toString("utf8"));
    });
    socket.on("close", () => {
      this.#stop();
      onEnd();
    });
    // A close event follows every error, and says all we need.
    socket.on("error", () => {});
  }

  get open(): boolean {
    return this.#open;
  }

  send(message: ServerMessage): void {
    if (!this.#open) return;
    const frames = toFrames(message);
    if (this.#held !== null) return void this.#held.push(...frames);
    for (const frame of frames) this.#socket.send(frame);
    this.#ping.refresh();
  }

  /** Carries nothing, either way, until it is let go on. */
  stall(stalled: boolean): void {
    if (!this.#open || stalled === (this.#held !== null)) return;
    if (stalled) {
      this.#held = [];
      return this.#socket.pause();
    }
    for (const frame of this.#held ?? []) this.#socket.send(frame);
    this.#held = null;
    this.#socket.resume();
  }

  /** Breaks the connection without a goodbye. */
  drop(): void {
    this.#stop();
    this.#socket.terminate();
  }

  /** Says a last word that explains the end, then closes. */
  finish(lastWord: ServerMessage): void {
    this.send(lastWord);
    this.#stop();
    this.#socket.close(CLOSE_NORMAL);
  }

  /** Closes because something broke on our side. The client reconnects. */
  crash(error: unknown): void {
    this.#stop();
    const reason = `InternalServerError: ${String(error)}`.replace(/[^\x20-\x7e]/g, "?");
    this.#socket.close(CLOSE_INTERNAL_ERROR, reason.slice(0, MAX_CLOSE_REASON_LENGTH));
  }

  #stop(): void {
    this.#open = false;
    clearInterval(this.#ping);
  }
}
