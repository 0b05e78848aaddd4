import { jsonToConvex, type JSONValue, type Value } from "convex/values";
import type { Outcome } from "../runtime.js";

/** ConvexError marks itself with a symbol: functions may come from another realm (vite's runner). */
const CONVEX_ERROR = Symbol.for("ConvexError");

/** Why a call did not succeed although nothing in it threw: conflicts to the last attempt. */
export class SystemError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/**
 * What a function threw, as its caller's `ctx.runQuery` or `ctx.runMutation` expects it from a
 * syscall: with the data of a ConvexError as JSON.
 */
export function toSyscallError(thrown: unknown): Error {
  const error = toError(thrown);
  const data = errorData(thrown);
  return data === undefined ? error : Object.assign(new Error(error.message), { data });
}

/**
 * Worded as Convex words it for a development deployment, but for its request id: a query that
 * fails again in the same way has not changed.
 */
export function toOutcome(thrown: unknown): Outcome {
  const { name, message } = toError(thrown);
  const uncaught = thrown instanceof SystemError ? message : `Uncaught ${name}: ${message}`;
  const text = `Server Error\n${uncaught}`;
  const data = errorData(thrown);
  if (data === undefined) return { type: "error", message: text };
  return { type: "error", message: text, data: jsonToConvex(data) };
}

export async function settled(value: Promise<Value>): Promise<Outcome> {
  try {
    return { type: "value", value: await value };
  } catch (error) {
    return toOutcome(error);
  }
}

/**
 * `convex/server` turns a ConvexError's data to JSON text on its way out of a handler; an error that
 * never passed through one still holds the value.
 */
function errorData(thrown: unknown): JSONValue | undefined {
  if (typeof thrown !== "object" || thrown === null || !(CONVEX_ERROR in thrown)) return undefined;
  const { data } = thrown as unknown as { data: string };
  return JSON.parse(data) as JSONValue;
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error || isErrorLike(thrown) ? thrown : new Error(String(thrown));
}

/** Errors of another realm. */
function isErrorLike(thrown: unknown): thrown is Error {
  return typeof thrown === "object" && thrown !== null && "message" in thrown && "name" in thrown;
}
