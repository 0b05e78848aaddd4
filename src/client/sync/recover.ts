import { ReplicateError } from "../../shared/errors.js";
import { MAX_RECOVER_DOCUMENTS } from "../../shared/limits.js";
import type { Held, Recovery as Answer } from "../../shared/wire.js";
import type { Recovery } from "../store/apply-page.js";

/** Calls that wait for an answer at the same time. */
const CALLS_AT_ONCE = 4;

export type RecoverHost = {
  /** What is here of these documents. */
  held(documents: readonly string[]): Promise<Held[]>;
  /** Asks the server; it answers for as many of the first ones as it can at once. */
  ask(documents: Held[]): Promise<Answer>;
};

/** What the server has of these documents beyond what is here; not all of them once it was aborted. */
export async function recoverAll(
  documents: Iterable<string>,
  host: RecoverHost,
  signal: AbortSignal,
): Promise<Recovery[]> {
  const found = new Map<string, Recovery>();
  const left = new Set(documents);
  while (left.size > 0 && !signal.aborted) {
    for (const one of (await Promise.all(batches(left).map((some) => ask(some, host)))).flat()) {
      found.set(one.document, one);
      left.delete(one.document);
    }
  }
  return [...found.values()];
}

/** The first of them, as many as are asked about at once. */
function batches(documents: Iterable<string>): string[][] {
  const all = [...documents];
  const result: string[][] = [];
  while (all.length > 0 && result.length < CALLS_AT_ONCE) {
    result.push(all.splice(0, MAX_RECOVER_DOCUMENTS));
  }
  return result;
}

async function ask(documents: string[], host: RecoverHost): Promise<Recovery[]> {
  const held = await host.held(documents);
  const answer = await host.ask(held);
  const known = new Map(held.map(({ document, generation }) => [document, generation]));
  const recovered = answer.documents.filter(({ document }) => known.has(document));
  if (recovered.length === 0) {
    const message = "The server recovered none of the documents that it was asked for.";
    throw new ReplicateError("SERVER_ERROR", message);
  }
  return recovered.map((one) => ({
    ...one,
    isWhole: one.update === null || known.get(one.document) !== one.generation,
  }));
}
