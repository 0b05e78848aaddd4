import { ReplicateError } from "../../shared/errors.js";
import { stateVectorProblem } from "../../shared/state-vector.js";
import { isPlainObject } from "../../shared/values.js";
import type { PushResult, Recovery, StreamPage } from "../../shared/wire.js";

// Checks the server's answers before they reach storage, so that a bad answer is not taken for a storage
// failure. A page without progress is an error, too, so that it is asked for with pauses.

/**
 * No document is ever removed this often. A greater generation would be kept here for ever, and the one
 * after it could become a number that is none.
 */
const MAX_GENERATION = 2 ** 40;

/**
 * @param cursor Where the page was to go on from.
 * @throws {ReplicateError} `SERVER_ERROR` for an invalid page, or one that makes no progress.
 */
export function checkPage(page: StreamPage, cursor: string | null) {
  const { entries, done, reset, ...rest } = takeApart(page);
  const isPage =
    Array.isArray(entries) &&
    entries.every(isEntry) &&
    typeof done === "boolean" &&
    isTextOrNull(rest["cursor"]) &&
    isTextOrNull(rest["identity"]);
  if (!isPage) throw fault("sent an invalid page of the log");
  if (reset) return;
  const isProgress = entries.length > 0 ? page.cursor !== cursor : done;
  if (!isProgress) throw fault("sent a page of the log that makes no progress");
}

/** @throws {ReplicateError} `SERVER_ERROR` */
export function checkRecovery(answer: Recovery) {
  const { documents, identity } = takeApart(answer);
  const isOne = isTextOrNull(identity) && Array.isArray(documents) && documents.every(isRecovered);
  if (!isOne) throw fault("sent an invalid answer to `recover`");
}

/** The valid ones of the answers to a push; what is left without one is sent again. */
export function validResults(results: unknown): PushResult {
  return Array.isArray(results) ? (results as unknown[]).filter(isResult) : [];
}

export function unanswered(document: string): ReplicateError {
  return fault(`did not answer the change of document "${document}"`);
}

function isEntry(entry: unknown): boolean {
  const { document, generation, kind, bytes, row } = takeApart(entry);
  const isKnown = kind === "update" || kind === "tombstone";
  const isNamed = typeof document === "string" && isGeneration(generation);
  return isNamed && isKnown && isBytesOrNull(bytes) && (row === undefined || isPlainObject(row));
}

function isRecovered(one: unknown): boolean {
  const { document, generation, update } = takeApart(one);
  return typeof document === "string" && isGeneration(generation) && isBytesOrNull(update);
}

function isResult(one: unknown): one is PushResult[number] {
  const { document, result } = takeApart(one);
  const { status, generation, code, message, stateVector } = takeApart(result);
  if (typeof document !== "string") return false;
  if (status !== "rejected") {
    return (status === "accepted" || status === "removed") && isGeneration(generation);
  }
  const isVector =
    stateVector instanceof ArrayBuffer && stateVectorProblem(new Uint8Array(stateVector)) === null;
  const isValid = stateVector === undefined || isVector;
  return typeof code === "string" && typeof message === "string" && isValid;
}

function takeApart(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isGeneration(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < MAX_GENERATION;
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === "string";
}

function isBytesOrNull(value: unknown): boolean {
  return value === null || value instanceof ArrayBuffer;
}

function fault(what: string): ReplicateError {
  return new ReplicateError("SERVER_ERROR", `The server ${what}.`);
}
