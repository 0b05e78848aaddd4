import { ReplicateError } from "../../../src/shared/errors.js";
import {
  MemoryTransaction,
  NOTHING_STORED,
  type Image,
} from "../../../src/client/storage/memory-transaction.js";
import type {
  ReplicaStorage,
  StorageConnection,
  StorageTransaction,
  TransactionMode,
} from "../../../src/client/storage/storage.js";
import type { Tab } from "./tab.js";

/** How long a transaction waits, and takes, at most, in ms. */
const MAX_WAIT_MS = 5;

/** What one browser profile has stored. It can lose everything, or become what it once was. */
export class Disk {
  /** Whether nothing can be written at the moment, as on a disk that is full. */
  isFull = false;
  #image = NOTHING_STORED;
  /** Changes when the browser deletes the data: then there is another database of that name. */
  #age = 0;
  #lastTurn = 0;

  /** Documents of which what is stored is not what was written. */
  readonly damaged = new Set<string>();

  /** Whether nothing was ever lost. */
  isOriginal = true;

  get image(): Image {
    return this.#image;
  }

  /** Puts back what was there before, or on another device: nobody notices. */
  restore(image: Image) {
    this.#image = image;
    this.isOriginal = false;
  }

  /** A stored document is not what was written any more; nobody notices before they read it. */
  damage(document: string) {
    const documents = new Map(this.#image.stores.get("documents"));
    if (!documents.has(document)) return;
    documents.set(document, "damaged");
    this.#image = {
      ...this.#image,
      stores: new Map([...this.#image.stores, ["documents", documents]]),
    };
    this.damaged.add(document);
  }

  evict() {
    this.#image = NOTHING_STORED;
    this.#age += 1;
    this.isOriginal = false;
  }

  /** What a page gets to see: a storage whose every step takes time and may fail. */
  storageFor(tab: Tab): ReplicaStorage {
    return {
      kind: "indexeddb",
      open: async (): Promise<StorageConnection> => {
        await tab.pause(MAX_WAIT_MS);
        const age = this.#age;
        return {
          storeId: `${tab.device.name} ${age}`,
          transaction: async (mode, _stores, body) => {
            await tab.delay(this.#turn(tab));
            const outcome = await settle(this.#run(age, mode, body, tab));
            await tab.pause(MAX_WAIT_MS);
            return outcome();
          },
          close() {},
        };
      },
    };
  }

  /** When a transaction that is made now may begin: in the order made, whichever page makes it. */
  #turn({ device }: Tab): number {
    const { time, dice } = device.world;
    this.#lastTurn = Math.max(this.#lastTurn, time.now + dice.between(0, MAX_WAIT_MS));
    return this.#lastTurn - time.now;
  }

  /** Nothing but promises is awaited here, so that no other transaction comes in between. */
  async #run<T>(
    age: number,
    mode: TransactionMode,
    body: (tx: StorageTransaction) => Promise<T>,
    tab: Tab,
  ): Promise<T> {
    if (age !== this.#age) {
      throw new ReplicateError("STORAGE_LOST", "The simulated browser has deleted its data.");
    }
    const before = this.#image;
    const { dice, faults } = tab.device.world;
    const tx = new MemoryTransaction(before, copy);
    const result = await body(tx);
    if (this.#image !== before) throw new Error("A transaction awaited something from outside.");
    const isWrite = mode !== "read";
    // At the end, so that whoever believes a transaction before it is over is found out.
    if (isWrite && this.isFull) throw new Error("The simulated disk is full.");
    if (dice.chance(faults.storageFailure)) throw new Error("The simulated disk failed.");
    if (isWrite) this.#image = tx.image();
    return result;
  }
}

async function settle<T>(promise: Promise<T>): Promise<() => T> {
  try {
    const value = await promise;
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** As `structuredClone`, for what is stored here, at a fraction of its cost. */
function copy(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return value.slice();
  if (value instanceof ArrayBuffer) return value.slice(0);
  if (Array.isArray(value)) return value.map(copy);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item)]));
}
