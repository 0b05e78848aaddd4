import { convexToJson } from "convex/values";
import { databaseSyscalls } from "./database-syscalls.js";
import { databaseReads } from "./database-reads.js";
import { executions, type Execution } from "./execution.js";
import { toSyscallError } from "./failure.js";
import { functionSyscalls } from "./function-syscalls.js";

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what a syscall's JSON holds is known to its handler alone.
export type SyscallArgs = any;

/** Answers in JSON text, which is what `convex/server` parses. */
export type SyncSyscall = (execution: Execution, args: SyscallArgs) => string;
export type AsyncSyscall = (execution: Execution, args: SyscallArgs) => Promise<string> | string;

const SYNC: Record<string, SyncSyscall> = databaseReads;
const ASYNC: Record<string, AsyncSyscall> = { ...databaseSyscalls, ...functionSyscalls };

interface ConvexGlobal {
  syscall: (op: string, jsonArgs: string) => string;
  asyncSyscall: (op: string, jsonArgs: string) => Promise<string>;
  jsSyscall: (op: string, args: object) => unknown;
}

/** Goes on with a query that has had its turn: what it reads is fixed by the snapshot. */
const NEXT_ROW = "1.0/queryStreamNext";

/** The surface that `convex/server` calls, for whichever execution is current. */
const syscalls: ConvexGlobal = {
  syscall: (op, jsonArgs) => {
    const handle = SYNC[op] ?? unsupported(op);
    return handle(current(), JSON.parse(jsonArgs) as SyscallArgs);
  },
  asyncSyscall: (op, jsonArgs) => {
    const execution = current();
    const { run, transaction } = execution;
    const step = () => answer(execution, op, jsonArgs);
    return run.whileWaiting(() => (transaction === null ? step() : execution.inTurn(step)));
  },
  jsSyscall: (op) => unsupported(op),
};

let isInstalled = false;

/**
 * Makes `globalThis.Convex` answer for this engine within its executions. Elsewhere it stays what it
 * was, or becomes: convex-test puts its own there.
 */
export function installSyscalls(): void {
  if (isInstalled) return;
  isInstalled = true;
  const holder = globalThis as { Convex?: unknown };
  let other = holder.Convex;
  Object.defineProperty(globalThis, "Convex", {
    configurable: true,
    get: () => (executions.getStore() === undefined ? other : syscalls),
    set: (value: unknown) => {
      other = value;
    },
  });
}

async function answer(execution: Execution, op: string, jsonArgs: string): Promise<string> {
  try {
    if (execution.transaction !== null && op !== NEXT_ROW) {
      const turn = execution.run.pause();
      if (turn !== null) await turn;
    }
    const handle = ASYNC[op] ?? unsupported(op);
    return await handle(execution, JSON.parse(jsonArgs) as SyscallArgs);
  } catch (error) {
    throw toSyscallError(error);
  }
}

function current(): Execution {
  const execution = executions.getStore();
  if (execution === undefined) {
    throw new Error("Convex functions can only be used while the backend runs one.");
  }
  return execution;
}

function unsupported(op: string): never {
  // The way `ctx.meta` recognises what an action cannot do.
  throw new Error(`Unknown async operation ${op}: it is not supported by the embedded backend.`);
}

export function toJsonText(value: Parameters<typeof convexToJson>[0]): string {
  return JSON.stringify(convexToJson(value));
}
