import { convexToJson, jsonToConvex, type JSONValue } from "convex/values";
import type { FunctionArgs, Outcome } from "../runtime.js";
import type { FailedCall } from "./messages.js";

/** Timestamps are u64, little endian, base64. */
export function encodeTs(ts: bigint): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(ts);
  return bytes.toString("base64");
}

export function decodeTs(ts: string): bigint {
  return Buffer.from(ts, "base64").readBigUInt64LE();
}

/** Arguments come as an array of one object, or as the bare object from other HTTP callers. */
export function decodeArgs(args: unknown): FunctionArgs {
  const json = (Array.isArray(args) ? args[0] : args) ?? {};
  return jsonToConvex(json as JSONValue) as FunctionArgs;
}

export function encodeOutcome(outcome: Outcome): { success: true; result: JSONValue } | FailedCall {
  if (outcome.type === "value") return { success: true, result: convexToJson(outcome.value) };
  return {
    success: false,
    result: outcome.message,
    ...(outcome.data !== undefined && { errorData: convexToJson(outcome.data) }),
  };
}
