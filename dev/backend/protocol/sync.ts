import type { WebSocket } from "ws";
import type { Commit, Runtime } from "../runtime.js";
import type { MutationAnswers } from "./answers.js";
import type { Calls } from "./calls.js";
import { Session } from "./session.js";
import { SharedQueries } from "./shared-queries.js";

/**
 * Keeps all connected clients up to date. Whenever something committed or a client asked for
 * something, every client is brought to one snapshot: all its queries move together.
 */
export class Sync {
  #runtime: Runtime;
  #calls: Calls;
  #answers: MutationAnswers;
  #sessions = new Set<Session>();
  /** Commits that the sessions have not been told about. */
  #commits: Commit[] = [];
  #stalled = false;
  #updating = false;
  #updateAgain = false;

  constructor(runtime: Runtime, calls: Calls, answers: MutationAnswers) {
    this.#runtime = runtime;
    this.#calls = calls;
    this.#answers = answers;
    runtime.onCommit((commit) => {
      if (this.#sessions.size === 0) return;
      this.#commits.push(commit);
      this.#requestUpdate();
    });
  }

  accept(socket: WebSocket): void {
    const session = new Session(socket, {
      calls: this.#calls,
      answers: this.#answers,
      requestUpdate: () => this.#requestUpdate(),
      onEnd: (ended) => this.#sessions.delete(ended),
    });
    session.stall(this.#stalled);
    this.#sessions.add(session);
  }

  dropAll(): void {
    for (const session of this.#sessions) session.drop();
  }

  /** Also those that connect from now on. */
  stallAll(stalled: boolean): void {
    this.#stalled = stalled;
    for (const session of this.#sessions) session.stall(stalled);
  }

  #requestUpdate(): void {
    this.#updateAgain = true;
    if (this.#updating) return;
    this.#updating = true;
    // Not at once: a commit is reported from within, and what follows closely travels along.
    setImmediate(() => void this.#update());
  }

  async #update(): Promise<void> {
    while (this.#updateAgain) {
      this.#updateAgain = false;
      await this.#runtime.snapshot(async (snapshot) => {
        // Every commit up to the snapshot has been reported by now, and none after it.
        const commits = this.#commits.splice(0);
        const queries = new SharedQueries(this.#calls, snapshot);
        for (const session of this.#sessions) await session.update(queries, commits);
      });
    }
    this.#updating = false;
  }
}
