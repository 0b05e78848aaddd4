import type { Engine } from "./engine.js";
import type { LocalMutation } from "./local-write.js";

export type AnyTransaction = { mutations: readonly AnyMutation[] };
type AnyMutation = LocalMutation & { collection: unknown };

/**
 * Takes over the mutations of a transaction that you made yourself: TanStack DB calls no handlers for
 * `createTransaction`, `createOptimisticAction` and paced mutations. Call it in their `mutationFn`,
 * and last: what it has taken is shown and sent, whatever happens after. Mutations of other
 * collections are left to these.
 *
 * @throws {ReplicateError} when a row cannot be stored; then none of the mutations is taken.
 */
export interface AcceptMutations {
  (transaction: AnyTransaction): void;
  /**
   * For a transaction that someone else keeps until it is done, and may bring again after a reload,
   * as `@tanstack/offline-transactions` does: it takes effect once for each key.
   *
   * @returns a promise that resolves once it is stored, so that nobody else has to keep it; if the
   * storage cannot be opened, once the server has answered. Memory storage counts as storage if it is
   * the collection's own, by choice or for want of IndexedDB, although it ends with the page.
   */
  (transaction: AnyTransaction, once: { idempotencyKey: string }): Promise<void>;
}

/** One for all collections over an engine, so that each takes over the mutations of any of them. */
const acceptingBy = new WeakMap<Engine, AcceptMutations>();

export function acceptingOf(engine: Engine): AcceptMutations {
  const accept = acceptingBy.get(engine) ?? accepting(engine);
  acceptingBy.set(engine, accept);
  return accept;
}

/** Takes the mutations of collections that were made with it, started or not, and no others. */
function accepting(engine: Engine): AcceptMutations {
  const isOwn = ({ collection }: AnyMutation) =>
    (collection as { utils?: { acceptMutations?: unknown } }).utils?.acceptMutations === accept;
  function accept(transaction: AnyTransaction): void;
  function accept(transaction: AnyTransaction, once: { idempotencyKey: string }): Promise<void>;
  function accept({ mutations }: AnyTransaction, once?: { idempotencyKey: string }) {
    const own = mutations.filter(isOwn);
    if (once) return engine.acceptOnce(own, once.idempotencyKey);
    try {
      engine.accept(own);
    } catch (error) {
      // TanStack DB takes the rows back, and tells only who asked the transaction.
      console.error("convex-replicate refused a write:", error);
      throw error;
    }
  }
  return accept;
}
