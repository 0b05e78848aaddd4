import { jsonToConvex, type JSONValue, type Value } from "convex/values";
import { transactionOf } from "./database-reads.js";
import type { Execution } from "./execution.js";
import { displayPath, locate, toHandle, type FunctionAddress } from "./function-address.js";
import { cancelJob, scheduleJob } from "./jobs.js";
import { observations } from "./execution.js";
import { toJsonText, type AsyncSyscall } from "./syscalls.js";
import type { Usage } from "./usage.js";

interface CallArgs extends FunctionAddress {
  args: JSONValue;
}

/** Calling, scheduling and asking about functions. */
export const functionSyscalls: Record<string, AsyncSyscall> = {
  "1.0/runUdf": async (
    execution,
    {
      udfType,
      transactionLimits,
      args,
      ...address
    }: CallArgs & {
      udfType: "query" | "mutation" | "snapshotQuery";
      transactionLimits?: Partial<Usage>;
    },
  ) => {
    if (udfType === "mutation" && execution.kind !== "mutation") {
      throw new Error("Only mutations and actions can call mutations.");
    }
    const location = locate(address, execution.component);
    const passed = { value: jsonToConvex(args), json: JSON.stringify(args) };
    const { runner } = execution.context;
    return (await runner.nested(execution, udfType, location, passed, transactionLimits)).json;
  },

  "1.0/actions/query": async (execution, args: CallArgs) => {
    const { store, runner } = execution.context;
    const { value } = await runner.query(callFrom(execution, args), store.snapshot, observations());
    return toJsonText(await value);
  },
  "1.0/actions/mutation": async (execution, args: CallArgs) => {
    const result = await execution.context.runner.mutation(callFrom(execution, args));
    return toJsonText(result!.value);
  },
  "1.0/actions/action": async (execution, args: CallArgs) =>
    toJsonText(await execution.context.runner.action(callFrom(execution, args))),

  "1.0/createFunctionHandle": (execution, address: FunctionAddress) =>
    JSON.stringify(toHandle(locate(address, execution.component))),

  "1.0/schedule": (execution, { ts, args, ...address }: CallArgs & { ts: number }) => {
    const job = jobFrom(execution, ts, args, address);
    return JSON.stringify(scheduleJob(execution.context, transactionOf(execution), job));
  },
  "1.0/actions/schedule": async (
    execution,
    { ts, args, requestId: _, version: __, ...address }: CallArgs & SchedulingArgs,
  ) => {
    const job = jobFrom(execution, ts, args, address);
    const { context } = execution;
    const id = await context.runner.transact((transaction) =>
      scheduleJob(context, transaction, job),
    );
    return JSON.stringify(id);
  },
  "1.0/cancel_job": (execution, { id }: { id: string }) => {
    cancelJob(execution.context, transactionOf(execution), execution.component, id);
    return "{}";
  },
  "1.0/actions/cancel_job": async (execution, { id }: { id: string }) => {
    const { context, component } = execution;
    await context.runner.transact((transaction) => cancelJob(context, transaction, component, id));
    return "{}";
  },

  "1.0/getUserIdentity": (execution) => {
    execution.observations.auth = true;
    return JSON.stringify(execution.identity);
  },
  "1.0/getTransactionMetrics": (execution) =>
    toJsonText(transactionOf(execution).meter.report() as unknown as Value),
  "1.0/getFunctionMetadata": ({ location }) =>
    JSON.stringify({ name: location.path, componentPath: location.component }),
  "1.0/getDeploymentMetadata": () =>
    JSON.stringify({ name: "embedded", region: null, class: "s256" }),
  "1.0/getRequestMetadata": (execution) =>
    JSON.stringify({
      ip: null,
      userAgent: null,
      requestId: displayPath(execution.location),
      scheduledFunctionId: null,
      authToken: null,
    }),
};

interface SchedulingArgs {
  ts: number;
  requestId?: unknown;
  version?: unknown;
}

function callFrom(execution: Execution, { args, ...address }: CallArgs) {
  const location = locate(address, execution.component);
  const identity = location.component === execution.component ? execution.identity : null;
  return { location, args: jsonToConvex(args), identity };
}

const MS_PER_SECOND = 1000;

function jobFrom(execution: Execution, ts: number, args: JSONValue, address: FunctionAddress) {
  return {
    component: execution.component,
    target: locate(address, execution.component),
    args: jsonToConvex(args),
    time: ts * MS_PER_SECOND,
  };
}
