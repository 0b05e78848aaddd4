import type {
  OpenOptions,
  ReplicaStorage,
  StorageConnection,
  StorageKey,
  StoreName,
} from "../storage/storage.js";

export type StorageTest = readonly [name: string, run: (context: Context) => Promise<void>];

/** What a test has: a store of its own, that may be opened again and again. */
export type Context = {
  /** Opens the test's store, as a page that is loaded again would. */
  open(options?: OpenOptions): Promise<StorageConnection>;
  /** The same for another store, whose name starts alike. */
  openOther(suffix: string): Promise<StorageConnection>;
  closeAll(): void;
};

export function contextOf(
  makeStorage: () => ReplicaStorage | Promise<ReplicaStorage>,
  persistent: boolean,
): Context {
  const name = `storage-tests/${Math.random().toString(36).slice(2)}`;
  const opened: StorageConnection[] = [];
  let storage: Promise<ReplicaStorage> | null = null;
  const openAs = async (fullName: string, options?: OpenOptions) => {
    if (persistent || storage === null) storage = Promise.resolve(makeStorage());
    const connection = await (await storage).open(fullName, options);
    opened.push(connection);
    return connection;
  };
  return {
    open: (options) => openAs(name, options),
    openOther: (suffix) => openAs(name + suffix),
    closeAll: () => {
      for (const connection of opened) connection.close();
    },
  };
}

export function get(connection: StorageConnection, store: StoreName, key: StorageKey) {
  return connection.transaction("read", [store], (tx) => tx.get(store, key));
}

export function put(
  connection: StorageConnection,
  store: StoreName,
  key: StorageKey,
  value: unknown,
): Promise<void> {
  return connection.transaction("write", [store], (tx) => tx.put(store, key, value));
}

export function add(connection: StorageConnection, store: StoreName, value: unknown) {
  return connection.transaction("write", [store], (tx) => tx.add(store, value));
}

export function all(
  connection: StorageConnection,
  store: StoreName,
  ...rest: [StorageKey?, number?]
) {
  return connection.transaction("read", [store], (tx) => tx.getAll(store, ...rest));
}
