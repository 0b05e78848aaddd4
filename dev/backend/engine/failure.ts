import { randomBytes } from "node:crypto";
import { jsonToConvex, type JSONValue } from "convex/values";
import type { Outcome } from "../runtime.js";

/** ConvexError marks itself with a symbol: functions may come from another realm (vite's runner). */
const CONVEX_ERROR = Symbol.for("ConvexError");
const REQUEST_ID_BYTES = 8;

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

/** Worded as Convex words it for a development deployment, so that clients see what they will see. */
export function toOutcome(thrown: unknown): Outcome {
  const requestId = randomBytes(REQUEST_ID_BYTES).toString("hex");
  const { name, message } = toError(thrown);
  const text =
    thrown instanceof SystemError
      ? `[Request ID: ${requestId}] Server Error\n${message}`
      : `[Request ID: ${requestId}] Server Error\nUncaught ${name}: ${message}`;
  const data = errorData(thrown);
  if (data === undefined) return { type: "error", message: text };
  return { type: "error", message: text, data: jsonToConvex(data) };
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
