import type { UserIdentity } from "convex/server";
import type { WebSocket } from "ws";
import { assertNotExpired, readDevToken, TokenError, type Session as Auth } from "../identity.js";
import type { Commit } from "../runtime.js";
import type { MutationAnswers } from "./answers.js";
import type { Calls } from "./calls.js";
import { Connection } from "./connection.js";
import { encodeTs } from "./encoding.js";
import type { Authenticate, ClientMessage, StateModification } from "./messages.js";
import { ProtocolError } from "./protocol-error.js";
import { QuerySet } from "./query-set.js";
import { Requests } from "./requests.js";
import type { SharedQueries } from "./shared-queries.js";
import type { Subscription } from "./subscription.js";

export interface SessionContext {
  calls: Calls;
  answers: MutationAnswers;
  /** Asks for a transition, soon. */
  requestUpdate: () => void;
  onEnd: (session: Session) => void;
}

interface Version {
  querySet: number;
  identity: number;
  ts: bigint;
}

const NANOSECONDS_PER_MS = 1e6;

/** One client on one socket: what it asked for, who it is, and the version it was brought to. */
export class Session {
  #context: SessionContext;
  #connection: Connection;
  #querySet: QuerySet;
  #requests: Requests;
  #auth: Auth | null = null;
  #identityVersion = 0;
  #reached: Version = { querySet: 0, identity: 0, ts: 0n };
  /** The client waits for a transition at or after this commit, even one that changes nothing. */
  #owedTransition: bigint | null = null;
  #clientClockSkew: number | undefined;

  constructor(socket: WebSocket, context: SessionContext) {
    this.#context = context;
    this.#querySet = new QuerySet(context.calls, context.requestUpdate);
    this.#connection = new Connection(
      socket,
      (text) => this.#receive(text),
      () => context.onEnd(this),
    );
    this.#requests = new Requests(this.#connection, context.calls, context.answers, (ts) => {
      this.#owedTransition = ts;
      context.requestUpdate();
    });
  }

  /** Breaks the connection without a goodbye. */
  drop(): void {
    this.#connection.drop();
  }

  /** Keeps the connection silent, or lets it go on. */
  stall(stalled: boolean): void {
    this.#connection.stall(stalled);
  }

  /** Brings the client to the queries' snapshot, if there is anything new for it. */
  async update(queries: SharedQueries, commits: readonly Commit[]): Promise<void> {
    try {
      if (this.#connection.open) await this.#transition(queries, commits);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #transition(queries: SharedQueries, commits: readonly Commit[]): Promise<void> {
    const start = this.#reached;
    const end = {
      querySet: this.#querySet.version,
      identity: this.#identityVersion,
      ts: queries.ts,
    };
    if (end.identity !== start.identity) this.#querySet.markAllStale();
    this.#querySet.observe(commits);
    const toRun = this.#querySet.toRun();
    const isSameVersion = end.identity === start.identity && end.querySet === start.querySet;
    // A commit may be newer than this snapshot; then the next one brings what is owed.
    const isOwed = this.#owedTransition !== null && this.#owedTransition <= end.ts;
    if (toRun.length === 0 && isSameVersion && !isOwed) return;

    if (isOwed) this.#owedTransition = null;
    const modifications = this.#querySet.takeRemoved();
    const identity = toRun.length === 0 ? null : this.#identity();
    for (const subscription of toRun) {
      const modification = await this.#run(subscription, identity, queries);
      if (modification !== null) modifications.push(modification);
    }
    this.#reached = end;
    this.#connection.send({
      type: "Transition",
      startVersion: { ...start, ts: encodeTs(start.ts) },
      endVersion: { ...end, ts: encodeTs(end.ts) },
      modifications,
      ...(this.#clientClockSkew !== undefined && { clientClockSkew: this.#clientClockSkew }),
      serverTs: Date.now() * NANOSECONDS_PER_MS,
    });
  }

  async #run(
    subscription: Subscription,
    identity: UserIdentity | null,
    queries: SharedQueries,
  ): Promise<StateModification | null> {
    const fate = subscription.takeFate();
    // The first run was counted when it met its fate.
    if (fate === null) this.#context.calls.countRerun(subscription.path);
    const run = await queries.run(subscription, identity, fate);
    if (fate?.failure?.how === "cut") this.drop();
    return subscription.accept(run, queries.ts);
  }

  #receive(text: string): void {
    try {
      this.#handle(parse(text));
    } catch (error) {
      this.#fail(error);
    }
  }

  #handle(message: ClientMessage): void {
    switch (message.type) {
      case "Connect":
        this.#requests.sessionId = message.sessionId;
        if (message.clientTs !== undefined) this.#clientClockSkew = message.clientTs - Date.now();
        return;
      case "Authenticate":
        this.#authenticate(message);
        return this.#context.requestUpdate();
      case "ModifyQuerySet":
        this.#querySet.modify(message);
        return this.#context.requestUpdate();
      case "Mutation":
        return this.#requests.mutation(message, this.#identity());
      case "Action":
        return this.#requests.action(message, this.#identity());
      case "Event":
        return;
      default:
        throw new ProtocolError(`Unknown message ${JSON.stringify(message satisfies never)}`);
    }
  }

  #authenticate(message: Authenticate): void {
    if (message.baseVersion !== this.#identityVersion) {
      throw new ProtocolError(
        `Base identity version ${message.baseVersion} doesn't match ${this.#identityVersion}`,
      );
    }
    if (message.tokenType === "Admin") {
      throw new ProtocolError("The embedded backend has no admin access");
    }
    try {
      this.#auth = message.tokenType === "User" ? readDevToken(message.value) : null;
    } catch (error) {
      return this.#refuseIdentity(error as TokenError, true);
    }
    this.#identityVersion += 1;
  }

  #identity(): UserIdentity | null {
    if (this.#auth === null) return null;
    assertNotExpired(this.#auth);
    return this.#auth.identity;
  }

  /** Like Convex, end the connection: nothing that was sent under a bad token may run without one. */
  #refuseIdentity(error: TokenError, authUpdateAttempted: boolean): void {
    const baseVersion = this.#identityVersion;
    this.#connection.finish({
      type: "AuthError",
      error: error.message,
      baseVersion,
      authUpdateAttempted,
    });
  }

  #fail(error: unknown): void {
    if (error instanceof TokenError) return this.#refuseIdentity(error, false);
    if (error instanceof ProtocolError) {
      return this.#connection.finish({ type: "FatalError", error: error.message });
    }
    console.error("The embedded backend broke:", error);
    this.#connection.crash(error);
  }
}

function parse(text: string): ClientMessage {
  try {
    return JSON.parse(text) as ClientMessage;
  } catch {
    throw new ProtocolError("Received a message that is not JSON");
  }
}
