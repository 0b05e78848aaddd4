import { ReplicateError } from "../../shared/errors.js";
import { stateVectorProblem } from "../../shared/state-vector.js";
import type { PushResult, Recovery, StreamPage } from "../../shared/wire.js";

// Checks the server's answers before they reach storage, so that a bad answer is not taken for a storage
// failure. A page without progress is an error, too, so that it is asked for with pauses.

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
  const { document, generation, kind, bytes } = takeApart(entry);
  const isKnown = kind === "update" || kind === "tombstone";
  return typeof document === "string" && isCount(generation) && isKnown && isBytesOrNull(bytes);
}

function isRecovered(one: unknown): boolean {
  const { document, generation, update } = takeApart(one);
  return typeof document === "string" && isCount(generation) && isBytesOrNull(update);
}

function isResult(one: unknown): one is PushResult[number] {
  const { document, result } = takeApart(one);
  const { status, generation, code, message, stateVector } = takeApart(result);
  if (typeof document !== "string") return false;
  if (status !== "rejected") {
    return (status === "accepted" || status === "removed") && isCount(generation);
  }
  const isVector =
    stateVector instanceof ArrayBuffer && stateVectorProblem(new Uint8Array(stateVector)) === null;
  const isValid = stateVector === undefined || isVector;
  return typeof code === "string" && typeof message === "string" && isValid;
}

function takeApart(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
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
