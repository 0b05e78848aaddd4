import { executions, type Execution } from "./execution.js";

/** What Convex does not let queries and mutations do. */
const ACTIONS_ONLY = ["setTimeout", "setInterval", "fetch"] as const;

const SystemDate = Date;
const systemRandom = Math.random;

let isInstalled = false;

/**
 * Gives functions the world that Convex gives them: time that stands still within a transaction (and
 * is the engine's clock's), randomness that a seed can repeat, and neither timers nor the network in
 * queries and mutations. Code outside of executions sees what it always saw.
 */
export function installGlobals(): void {
  if (isInstalled) return;
  isInstalled = true;
  within("Date", () => ExecutionDate);
  Math.random = () => executions.getStore()?.context.random() ?? systemRandom();
  for (const name of ACTIONS_ONLY) {
    const forbidden = () => {
      throw new Error(
        `\`${name}\` is not supported in Convex queries or mutations. Move this code to an action.`,
      );
    };
    within(name, ({ transaction }) => (transaction === null ? undefined : forbidden));
  }
}

const ExecutionDate = new Proxy(SystemDate, {
  apply: () => new SystemDate(now()).toString(),
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
  get: (target, key, receiver): unknown =>
    key === "now" ? now : Reflect.get(target, key, receiver),
});

function now(): number {
  const execution = executions.getStore();
  if (execution === undefined) return SystemDate.now();
  execution.observations.time = true;
  return execution.run.now();
}

/** Replaces a global within executions. Tests that stub it replace what others see. */
function within(name: string, replacement: (execution: Execution) => unknown): void {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
  if (descriptor === undefined) return;
  let value: unknown = Reflect.get(globalThis, name);
  Object.defineProperty(globalThis, name, {
    configurable: true,
    enumerable: descriptor.enumerable ?? false,
    get: () => {
      const execution = executions.getStore();
      return (execution && replacement(execution)) ?? value;
    },
    set: (next: unknown) => {
      value = next;
    },
  });
}
