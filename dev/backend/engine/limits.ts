import { isObject } from "./document.js";
import { getConvexSize, type Value } from "convex/values";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Convex's limits. Set one to `Infinity` to switch it off. */
export interface Limits {
  documentBytes: number;
  documentFields: number;
  nesting: number;
  arrayElements: number;
  /** Of arguments and of results. */
  callBytes: number;
  /** Functions that call functions. */
  callDepth: number;
  /** Mutations that run at the same time; more of them wait before they take their snapshot. */
  concurrentMutations: number;
  /** Milliseconds a query or mutation may compute. Off by default: it depends on the machine. */
  userTimeMs: number;
  bytesRead: number;
  documentsRead: number;
  databaseQueries: number;
  bytesWritten: number;
  documentsWritten: number;
  functionsScheduled: number;
  /** Of all functions that a transaction schedules. */
  scheduledFunctionArgsBytes: number;
  /** Of each of them. */
  scheduledCallBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  documentBytes: MIB,
  documentFields: 1024,
  nesting: 16,
  arrayElements: 8192,
  callBytes: 16 * MIB,
  callDepth: 8,
  // Deployments of class S256; those of class S16 have 16.
  concurrentMutations: 256,
  userTimeMs: Infinity,
  bytesRead: 16 * MIB,
  documentsRead: 32_000,
  databaseQueries: 4096,
  bytesWritten: 16 * MIB,
  documentsWritten: 16_000,
  functionsScheduled: 1000,
  scheduledFunctionArgsBytes: 16 * MIB,
  scheduledCallBytes: 4 * MIB,
};

/** A function asked for more than Convex allows. */
export class LimitError extends Error {
  readonly code = "LIMIT_EXCEEDED";
}

/** Refuses values that Convex could not hold. `what` begins the message: `The arguments`. */
function checkShape(value: Value | undefined, limits: Limits, what: string): void {
  if (typeof value === "object" && value !== null) checkNested(value, limits, what, 1);
}

export function checkDocument(value: Value, size: number, limits: Limits, table: string): void {
  if (size > limits.documentBytes) {
    throw new LimitError(
      `A document in table "${table}" is too large: ${size} bytes (limit: ${limits.documentBytes}).`,
    );
  }
  checkShape(value, limits, `A document in table "${table}"`);
}

export function checkCallValue(value: Value, limits: Limits, what: string): void {
  checkShape(value, limits, what);
  if (limits.callBytes === Infinity) return;
  const size = getConvexSize(value);
  if (size > limits.callBytes) {
    throw new LimitError(`${what} are too large: ${size} bytes (limit: ${limits.callBytes}).`);
  }
}

function checkNested(value: Value, limits: Limits, what: string, depth: number): void {
  const isArray = Array.isArray(value);
  if (!isArray && !isObject(value)) return;
  if (depth > limits.nesting) {
    throw new LimitError(`${what}: nested deeper than ${limits.nesting} levels.`);
  }
  const elements = isArray ? value : Object.values(value);
  const [limit, unit] = isArray
    ? ([limits.arrayElements, "an array with too many elements"] as const)
    : ([limits.documentFields, "an object with too many fields"] as const);
  if (elements.length > limit) {
    throw new LimitError(`${what}: ${unit}, ${elements.length} (limit: ${limit}).`);
  }
  for (const element of elements) {
    if (typeof element === "object" && element !== null) {
      checkNested(element, limits, what, depth + 1);
    }
  }
}
