import type { Value } from "convex/values";
import type { ConvexTestInternals, Document, FakeDatabase } from "./internals.js";

const JOBS = "_scheduled_functions";

/** What convex-test offers beside its declared types; its own scheduler works with the same two. */
export interface JobRunner {
  runInComponent(component: string, handler: () => Promise<void>): Promise<void>;
  fun(path: { componentPath: string; udfPath: string }, args: Value): Promise<unknown>;
}

type JobState = "pending" | "inProgress" | "success" | "failed" | "canceled";

interface Job extends Document {
  name: string;
  args: Value[];
  scheduledTime: number;
  state: { kind: JobState };
}

/**
 * Scheduled functions are timers in convex-test, so a restart forgets them. This starts those that
 * were still pending, under their old ids (code may hold on to an id to cancel it). One that was
 * interrupted counts as failed: whether it had committed is unknown.
 */
export async function resumeJobs(internals: ConvexTestInternals, t: JobRunner): Promise<void> {
  for (const [component, { db }] of Object.entries(internals.components)) {
    for (const job of jobsOf(db)) {
      if (job.state.kind === "pending") resume(t, component, db, job);
      if (job.state.kind === "inProgress") await finish(t, component, db, job._id, "failed");
    }
  }
}

function resume(t: JobRunner, component: string, db: FakeDatabase, job: Job): void {
  const delay = Math.max(0, job.scheduledTime - Date.now());
  setTimeout(() => void run(t, component, db, job), delay).unref();
}

async function run(t: JobRunner, component: string, db: FakeDatabase, job: Job): Promise<void> {
  let started = false;
  await t.runInComponent(component, async () => {
    const current = db.get(JOBS, job._id) as Job | null;
    if (current?.state.kind !== "pending") return;
    db.patch(JOBS, job._id, { state: { kind: "inProgress" } });
    started = true;
  });
  if (!started) return;
  try {
    // convex-test does not store which component a job's function is in. It is the scheduling one,
    // except for function handles, which only the scheduling process could follow.
    await t.fun({ componentPath: component, udfPath: job.name }, job.args[0] ?? {});
    await finish(t, component, db, job._id, "success");
  } catch (error) {
    console.error(`Scheduled function ${job.name} failed:`, error);
    await finish(t, component, db, job._id, "failed");
  }
}

function finish(
  t: JobRunner,
  component: string,
  db: FakeDatabase,
  id: string,
  kind: "success" | "failed",
): Promise<void> {
  return t.runInComponent(component, async () => {
    db.patch(JOBS, id, { state: { kind }, completedTime: Date.now() });
  });
}

function jobsOf(db: FakeDatabase): Job[] {
  return Object.values(db._documents).filter((document): document is Job =>
    document._id.endsWith(JOBS),
  );
}
