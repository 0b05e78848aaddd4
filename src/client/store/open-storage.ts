import { ReplicateError } from "../../shared/errors.js";
import type { Environment } from "../platform/environment.js";
import { CURRENT_DATA } from "./migrations.js";
import { isStorageError, type StorageHealth } from "../storage/health.js";
import { memoryStorage } from "../storage/memory.js";
import { openInTime } from "../storage/open-in-time.js";
import type { ReplicaStorage, StorageConnection } from "../storage/storage.js";

/** Why a session before this one had to let go of its storage, and for how long it is left alone, in ms. */
export type Loss = { error: ReplicateError; pauseMs: number };

type Config = {
  name: string;
  storage: ReplicaStorage;
  environment: Environment;
  loss?: Loss | null;
};

const BLOCKED = new ReplicateError(
  "STORAGE_BLOCKED",
  "Another tab still uses the local data of an older version of this app. Close it or reload it.",
);

/**
 * A connection to work with; in memory where the storage cannot be opened, e.g. in private mode.
 * What is on such a disk stays there for a page that can read it.
 *
 * @param health Is kept up to date; `changed` is called when it has changed.
 */
export async function openStorage(
  config: Config,
  health: StorageHealth,
  changed: () => void,
): Promise<StorageConnection> {
  const { name, storage, environment } = config;
  try {
    if (config.loss) await afterLoss(config.loss, environment, health);
    const onBlocked = () => {
      health.setPermanentError(BLOCKED);
      changed();
    };
    const options = { ...CURRENT_DATA, onBlocked };
    const connection = await openInTime(environment, options, (watched) =>
      storage.open(name, watched),
    );
    health.setPermanentError(null);
    health.update({ evicted: connection.evicted ?? false });
    return connection;
  } catch (error) {
    health.update({ kind: "memory" });
    health.setPermanentError(refused(error as Error));
    return memoryStorage().open(name, CURRENT_DATA);
  }
}

/** What a newer version has written is not opened again; anything else not at once again and again. */
async function afterLoss(
  { error, pauseMs }: Loss,
  environment: Environment,
  health: StorageHealth,
) {
  if (error.code === "NEWER_DATA") throw error;
  if (pauseMs === 0) return;
  if (isStorageError(error)) health.failed("read", error); // until it has been read
  await new Promise<void>((resolve) => environment.after(pauseMs, resolve));
}

function refused(error: Error): ReplicateError {
  if ((error as ReplicateError).code === "NEWER_DATA") return error as ReplicateError;
  return new ReplicateError(
    "STORAGE_REFUSED",
    `The browser gives this page no local database (${error.message}). Changes are in memory only, until they are sent.`,
    { cause: error },
  );
}
