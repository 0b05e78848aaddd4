import { AsyncLocalStorage } from "node:async_hooks";
import type { UserIdentity } from "convex/server";
import type { FunctionKind } from "../runtime.js";
import type { EngineContext } from "./context.js";
import type { FunctionLocation } from "./function-address.js";
import type { Run } from "./run.js";
import type { Scan } from "./scan.js";
import type { Transaction } from "./transaction.js";

/** What a top-level run noticed, nested calls included. */
export interface Observations {
  /** Its result may depend on who asks. */
  auth: boolean;
  /** Its result may depend on when it ran. */
  time: boolean;
  /** Where the page has to end (a re-run), and where it ended. */
  pageEndBefore: string | null;
  pageEnd: string | null;
}

/** One running function. Syscalls find theirs through AsyncLocalStorage. */
export class Execution {
  readonly scans = new Map<number, Scan>();
  hasPaginated = false;
  #queue: Promise<unknown> = Promise.resolve();
  #isOver = false;

  constructor(
    readonly context: EngineContext,
    readonly location: FunctionLocation,
    readonly kind: FunctionKind | "http",
    readonly identity: UserIdentity | null,
    /** `null` in actions. */
    readonly transaction: Transaction | null,
    readonly observations: Observations,
    readonly depth: number,
    /** Shared by a top-level call and all it calls. */
    readonly run: Run,
  ) {}

  get component(): string {
    return this.location.component;
  }

  /** One syscall after the other, in the order they were made, also under `Promise.all`. */
  inTurn<T>(step: () => Promise<T>): Promise<T> {
    // What a function left behind stops, as it does on Convex: nobody answers it any more.
    if (this.#isOver) return new Promise(() => {});
    const turn = this.#queue.then(step, step);
    this.#queue = turn;
    return turn;
  }

  /** Resolves when its last syscall has been answered. There may be no more. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#queue.catch(() => {});
  }
}

export const executions = new AsyncLocalStorage<Execution>();

export function observations(pageEndBefore: string | null = null): Observations {
  return { auth: false, time: false, pageEndBefore, pageEnd: null };
}
