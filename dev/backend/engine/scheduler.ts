import { SCHEDULED_FUNCTIONS } from "./component.js";
import type { EngineContext } from "./context.js";
import { executions } from "./execution.js";
import { SystemError } from "./failure.js";
import { componentAt } from "./context.js";
import { displayPath } from "./function-address.js";
import { finishJob, readJob, targetOf, toJob, writeJob, type Job } from "./jobs.js";
import type { EngineCommit } from "./commit.js";

/**
 * Starts scheduled functions when their time has come. A mutation and its job's success are one
 * transaction: it runs exactly once. An action runs at most once.
 */
export class Scheduler {
  #context: EngineContext;
  #onError: (path: string, error: unknown) => void;
  /** How to take back the timers of pending jobs, by `component:id`. */
  #timers = new Map<string, () => void>();
  #isClosed = false;

  constructor(context: EngineContext, onError: (path: string, error: unknown) => void) {
    this.#context = context;
    this.#onError = onError;
  }

  /** Takes up what an earlier process left: pending jobs run, interrupted ones have failed. */
  async resume(): Promise<void> {
    for (const { path } of this.#context.components.values()) {
      const table = this.#context.store.snapshot.tables.get(`${path}:${SCHEDULED_FUNCTIONS}`);
      for (const { value } of table?.documents() ?? []) {
        const job = toJob(value)!;
        if (job.state.kind === "pending") this.#arm(path, job);
        if (job.state.kind === "inProgress") {
          await this.#finish(path, job._id, "interrupted by the end of the process");
        }
      }
    }
  }

  observe(commit: EngineCommit): void {
    for (const { component, table, id, document } of commit.writes) {
      if (table !== SCHEDULED_FUNCTIONS) continue;
      const job = toJob(document);
      if (job?.state.kind === "pending") this.#arm(component, job);
      else this.#disarm(`${component}:${id}`);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #arm(component: string, { _id, scheduledTime }: Job): void {
    const key = `${component}:${_id}`;
    this.#disarm(key);
    // A timer keeps the context it was made in: this one must not be part of the scheduling run.
    const cancel = executions.exit(() =>
      this.#context.clock.at(scheduledTime, () => void this.#start(component, _id)),
    );
    this.#timers.set(key, cancel);
  }

  #disarm(key: string): void {
    this.#timers.get(key)?.();
    this.#timers.delete(key);
  }

  async #start(component: string, id: string): Promise<void> {
    this.#timers.delete(`${component}:${id}`);
    if (this.#isClosed) return;
    try {
      await this.#run(component, id);
    } catch (error) {
      this.#onError(SCHEDULED_FUNCTIONS, error);
    }
  }

  async #run(component: string, id: string): Promise<void> {
    const { store } = this.#context;
    const stored = store.snapshot.tables.get(`${component}:${SCHEDULED_FUNCTIONS}`)?.get(id);
    const job = toJob(stored?.value ?? null);
    if (job?.state.kind !== "pending") return;
    const target = targetOf(job, component);
    try {
      const kind = componentAt(this.#context, target.component).functions.get(target.path)?.kind;
      if (kind === "action") await this.#runAction(component, job);
      else await this.#runMutation(component, job);
    } catch (error) {
      this.#onError(displayPath(target), error);
      await this.#finish(component, id, String(error));
    }
  }

  /** A conflict is no failure: scheduled mutations go on until they commit. */
  async #runMutation(component: string, { _id, ...job }: Job): Promise<void> {
    const { runner, clock } = this.#context;
    const call = {
      location: targetOf({ _id, ...job }, component),
      args: job.args[0],
      identity: null,
    };
    for (;;) {
      try {
        await runner.mutation(call, {
          prepare: (transaction) => {
            const current = readJob(transaction, component, _id);
            if (current?.state.kind !== "pending") return false;
            finishJob(transaction, component, current, { kind: "success" }, clock.now());
            return true;
          },
        });
        return;
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
      }
    }
  }

  async #runAction(component: string, job: Job): Promise<void> {
    const { runner, clock } = this.#context;
    const isMine = await runner.transact((transaction) => {
      const current = readJob(transaction, component, job._id);
      if (current?.state.kind !== "pending") return false;
      writeJob(transaction, component, { ...current, state: { kind: "inProgress" } });
      return true;
    });
    if (!isMine) return;
    const location = targetOf(job, component);
    await runner.action({ location, args: job.args[0], identity: null });
    await runner.transact((transaction) => {
      const current = readJob(transaction, component, job._id);
      if (current === null) return;
      finishJob(transaction, component, current, { kind: "success" }, clock.now());
    });
  }

  #finish(component: string, id: string, error: string): Promise<void> {
    const { runner, clock } = this.#context;
    return runner.transact((transaction) => {
      const job = readJob(transaction, component, id);
      if (job === null) return;
      finishJob(transaction, component, job, { kind: "failed", error }, clock.now());
    });
  }
}
