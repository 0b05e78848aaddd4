import { ReplicateError } from "../../shared/errors.js";
import { MAX_RECOVER_DOCUMENTS } from "../../shared/limits.js";
import { refusalOf } from "../../shared/refusal.js";
import { loadPart } from "../../shared/plain-part.js";
import type { Held, Recovered, Recovery as Answer } from "../../shared/wire.js";
import { DAMAGED, decoding, orDamaged, undecodable } from "../store/damaged.js";

/** Calls that wait for an answer at the same time. */
const CALLS_AT_ONCE = 4;

export type RecoverHost = {
  /** What is here of these documents. */
  held(documents: readonly string[]): Promise<Held[]>;
  /** Asks the server; it answers for as many of the first ones as it can at once. */
  ask(documents: Held[]): Promise<Answer>;
};

type Recoveries = {
  recovered: Recovered[];
  /** Why, for each that the server could not recover although asked for nothing else, or not readably. */
  failed: Map<string, Error>;
};

/**
 * What the server has of these documents beyond what is here; not all of them once it was aborted. Where
 * a call fails, each of its documents is asked for alone, so that one cannot hold up another.
 */
export async function recoverAll(
  documents: Iterable<string>,
  host: RecoverHost,
  signal: AbortSignal,
): Promise<Recoveries> {
  const recovered: Recovered[] = [];
  const failed = new Map<string, Error>();
  const left = new Set(documents);
  const alone = new Set<string>();
  const take = async (some: string[]) => {
    try {
      for (const one of await ask(some, host)) {
        if (!left.delete(one.document)) continue;
        if (isReadable(one)) recovered.push(one);
        else failed.set(one.document, undecodable());
      }
    } catch (error) {
      if (!blamesDocuments(error)) throw error;
      for (const document of some) alone.add(document);
      if (some.length > 1) return;
      left.delete(some[0]!);
      failed.set(some[0]!, error as Error);
    }
  };
  while (left.size > 0 && !signal.aborted) await Promise.all(batches(left, alone).map(take));
  return { recovered, failed };
}

/** One that is not would take those along that are stored in the same transaction. */
function isReadable({ update }: Recovered): boolean {
  const decode = () => decoding(() => loadPart(update ? [new Uint8Array(update)] : []));
  return orDamaged(decode) !== DAMAGED;
}

/** The first of them, as many as are asked about at once. */
function batches(left: ReadonlySet<string>, alone: ReadonlySet<string>): string[][] {
  const together = [...left].filter((document) => !alone.has(document));
  const result: string[][] = [];
  while (together.length > 0) result.push(together.splice(0, MAX_RECOVER_DOCUMENTS));
  for (const document of left) if (alone.has(document)) result.push([document]);
  return result.slice(0, CALLS_AT_ONCE);
}

/** No answer, the wrong person and a refusal to let anything be read are no document's fault. */
function blamesDocuments(error: unknown): boolean {
  if (error instanceof ReplicateError) return error.code === "SERVER_ERROR";
  const refusal = refusalOf(error);
  return refusal === null || refusal.code === "INVALID_RECOVER";
}

async function ask(documents: string[], host: RecoverHost): Promise<Recovered[]> {
  const answer = await host.ask(await host.held(documents));
  const recovered = answer.documents.filter(({ document }) => documents.includes(document));
  if (recovered.length > 0) return recovered;
  const message = "The server recovered none of the documents that it was asked for.";
  throw new ReplicateError("SERVER_ERROR", message);
}
