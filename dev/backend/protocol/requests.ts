import type { UserIdentity } from "convex/server";
import type { MutationAnswers } from "./answers.js";
import type { Calls } from "./calls.js";
import type { Connection } from "./connection.js";
import { decodeArgs, decodeTs, encodeOutcome, encodeTs } from "./encoding.js";
import type { ActionRequest, MutationAnswer, MutationRequest } from "./messages.js";
import { ProtocolError } from "./protocol-error.js";

/** The mutations and actions of one connection. */
export class Requests {
  /** Names the client across its connections. */
  sessionId: string | null = null;
  #connection: Connection;
  #calls: Calls;
  #answers: MutationAnswers;
  #onCommitted: (ts: bigint) => void;
  #queue: Promise<void> = Promise.resolve();

  constructor(
    connection: Connection,
    calls: Calls,
    answers: MutationAnswers,
    onCommitted: (ts: bigint) => void,
  ) {
    this.#connection = connection;
    this.#calls = calls;
    this.#answers = answers;
    this.#onCommitted = onCommitted;
  }

  /** Mutations of one client run one at a time, in the order they were sent. */
  mutation(request: MutationRequest, identity: UserIdentity | null): void {
    const { sessionId } = this;
    if (sessionId === null) throw new ProtocolError("A mutation came before Connect");
    this.#queue = this.#queue
      .then(() => this.#runMutation(sessionId, request, identity))
      .catch((error: unknown) => this.#connection.crash(error));
  }

  /** Actions run side by side, and are not repeated when their answer is lost. */
  action(request: ActionRequest, identity: UserIdentity | null): void {
    this.#runAction(request, identity).catch((error: unknown) => this.#connection.crash(error));
  }

  async #runMutation(
    sessionId: string,
    { requestId, udfPath, args }: MutationRequest,
    identity: UserIdentity | null,
  ): Promise<void> {
    // What had not started when the connection broke is sent again on the next one.
    if (!this.#connection.open) return;
    let isLost = false;
    const answer = await this.#answers.once(sessionId, requestId, async (requestKey) => {
      const call = { path: udfPath, args: decodeArgs(args), identity };
      const { outcome, ts, lost } = await this.#calls.mutation(call, requestKey);
      isLost = lost;
      return { ...encodeOutcome(outcome), ts: encodeTs(ts ?? 0n) } as MutationAnswer;
    });
    if (isLost) return this.#connection.drop();
    this.#connection.send({ type: "MutationResponse", requestId, logLines: [], ...answer });
    // The client's promise settles with the first transition at or after the commit.
    if (answer.success) this.#onCommitted(decodeTs(answer.ts));
  }

  async #runAction(
    { requestId, udfPath, args }: ActionRequest,
    identity: UserIdentity | null,
  ): Promise<void> {
    const call = { path: udfPath, args: decodeArgs(args), identity };
    const { outcome, lost } = await this.#calls.action(call);
    if (lost) return this.#connection.drop();
    const answer = encodeOutcome(outcome);
    this.#connection.send({ type: "ActionResponse", requestId, logLines: [], ...answer });
  }
}
