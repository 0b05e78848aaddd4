import { getConvexSize, type GenericId, type Value } from "convex/values";
import { SCHEDULED_FUNCTIONS } from "./component.js";
import type { EngineContext } from "./context.js";
import { holdsCommitTs, StoredDocument, type DocumentValue } from "./document.js";
import { displayPath, type FunctionLocation } from "./function-address.js";
import { LimitError } from "./limits.js";
import type { Transaction } from "./transaction.js";

/** A row of `_scheduled_functions`. */
export interface Job {
  _id: GenericId<typeof SCHEDULED_FUNCTIONS>;
  _creationTime: number;
  name: string;
  /** The component of the function, when it is not the one that scheduled it (function handles). */
  component?: string;
  args: [Value];
  scheduledTime: number;
  completedTime?: number;
  state: JobState;
}

export type JobState =
  | { kind: "pending" }
  | { kind: "inProgress" }
  | { kind: "success" }
  | { kind: "failed"; error: string }
  | { kind: "canceled" };

export interface NewJob {
  /** The component that schedules: the job is in its table. */
  component: string;
  target: FunctionLocation;
  args: Value;
  /** Milliseconds since the epoch. */
  time: number;
}

/** Returns the job's id. The scheduler starts it when the transaction has committed. */
export function scheduleJob(
  context: EngineContext,
  transaction: Transaction,
  { component, target, args, time }: NewJob,
): string {
  if (holdsCommitTs(args)) {
    throw new Error(
      `Invalid arguments for "${displayPath(target)}": a scheduled function cannot take an unresolved placeholder value.`,
    );
  }
  const bytes = getConvexSize(args);
  const { scheduledCallBytes } = context.limits;
  if (bytes > scheduledCallBytes) {
    throw new LimitError(
      `The arguments of the scheduled function "${displayPath(target)}" are too large: ${bytes} bytes (limit: ${scheduledCallBytes}).`,
    );
  }
  transaction.meter.add("functionsScheduled", 1);
  transaction.meter.add("scheduledFunctionArgsBytes", bytes);
  const job: Job = {
    _id: context.newId(SCHEDULED_FUNCTIONS) as Job["_id"],
    _creationTime: context.nextCreationTime(),
    name: target.path,
    ...(target.component !== component && { component: target.component }),
    args: [args],
    scheduledTime: time,
    state: { kind: "pending" },
  };
  writeJob(transaction, component, job);
  return job._id;
}

/** Pending jobs will not start. One that runs or has run stays as it is. */
export function cancelJob(
  context: EngineContext,
  transaction: Transaction,
  component: string,
  id: string,
): void {
  const job = readJob(transaction, component, id);
  if (job === null) throw new Error(`There is no scheduled function with the ID "${id}".`);
  if (job.state.kind === "pending") {
    finishJob(transaction, component, job, { kind: "canceled" }, context.clock.now());
  }
}

export function readJob(transaction: Transaction, component: string, id: string): Job | null {
  return toJob(transaction.get(component, SCHEDULED_FUNCTIONS, id)?.value ?? null);
}

export function finishJob(
  transaction: Transaction,
  component: string,
  job: Job,
  state: JobState,
  completedTime: number,
): void {
  writeJob(transaction, component, { ...job, state, completedTime });
}

export function writeJob(transaction: Transaction, component: string, job: Job): void {
  const document = new StoredDocument(job as unknown as DocumentValue);
  transaction.write({ component, table: SCHEDULED_FUNCTIONS, id: job._id, document });
}

/** Rows of `_scheduled_functions` are written by this file alone. */
export function toJob(document: Record<string, Value | undefined> | null): Job | null {
  return document as Job | null;
}

export function targetOf(job: Job, component: string): FunctionLocation {
  return { component: job.component ?? component, path: job.name };
}
