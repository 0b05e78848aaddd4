/** What of TanStack DB's transactions tells which of two came first. */
type Transaction = {
  mutations: readonly { type: string; key: unknown; collection: unknown }[];
  sequenceNumber?: number;
  state?: string;
};

type Waiting<T> = { transaction: T; resolve: () => void; reject: (error: unknown) => void };

/**
 * Takes transactions at once (C1), but for those that a subscriber made while it was being told of an
 * earlier write: TanStack DB calls the handler of such a write first, and its row would be changed
 * before it is made. These wait until the earlier one was taken, which is before the next microtask.
 *
 * @param shows Whether a row is there, as far as what was taken goes.
 */
export function inOrder<T extends Transaction>(
  take: (transaction: T) => void,
  shows: (key: unknown) => boolean,
): (transaction: T) => Promise<void> {
  let waiting: Waiting<T>[] = [];
  const takeWaiting = () => {
    const all = waiting.sort((a, b) => placeOf(a.transaction) - placeOf(b.transaction));
    waiting = [];
    for (const { transaction, resolve, reject } of all) {
      try {
        take(transaction);
        resolve();
      } catch (error) {
        reject(error);
      }
    }
  };
  return async (transaction) => {
    if (!isInsideAnother(transaction, shows)) return take(transaction);
    return new Promise<void>((resolve, reject) => {
      if (waiting.length === 0) queueMicrotask(takeWaiting);
      waiting.push({ transaction, resolve, reject });
    });
  };
}

/** Whether an earlier write of one of its rows has been shown, and not been handed over yet. */
function isInsideAnother(transaction: Transaction, shows: (key: unknown) => boolean): boolean {
  const others = transactionsBeside(transaction);
  // Nobody edits or removes a row that is not there: its insert is still to come.
  if (!others)
    return transaction.mutations.some(({ type, key }) => type !== "insert" && !shows(key));
  const keys = new Set(transaction.mutations.map(({ key }) => key));
  for (const other of others) {
    if (other.state !== "pending" || placeOf(other) >= placeOf(transaction)) continue;
    if (other.mutations.some(({ key }) => keys.has(key))) return true;
  }
  return false;
}

/** The collection's transactions; undefined where this version of TanStack DB keeps them elsewhere. */
function transactionsBeside({ mutations }: Transaction): Iterable<Transaction> | undefined {
  const collection = mutations[0]?.collection as
    { _state?: { transactions?: { values?(): Iterable<Transaction> } } } | undefined;
  return collection?._state?.transactions?.values?.();
}

function placeOf({ sequenceNumber = 0 }: Transaction): number {
  return sequenceNumber;
}
