import { ReplicateError } from "../shared/errors.js";
import type { StorageTransaction } from "./storage/storage.js";

/** Whom local data belongs to since it first met the server; null while nobody had signed in. */
export type Identity = string | null;

/** Who the local data belongs to; null when that is nobody yet. */
export async function readPin(tx: StorageTransaction): Promise<Identity> {
  const pin = (await tx.get("meta", "owner")) as { identity: Identity } | undefined;
  return pin?.identity ?? null;
}

/**
 * Lets who is signed in have the local data, or refuses: what one person left unsent must not go out
 * as another's work, nor may one see what was loaded for the other. What was made before anyone
 * signed in becomes theirs who does.
 *
 * @throws {ReplicateError} `IDENTITY_CHANGED`
 */
export async function pinIdentity(tx: StorageTransaction, identity: Identity): Promise<void> {
  const pinned = await readPin(tx);
  if (pinned === identity) return;
  if (pinned !== null) throw identityChanged(identity);
  await tx.put("meta", "owner", { identity });
}

function identityChanged(identity: Identity): ReplicateError {
  return new ReplicateError(
    "IDENTITY_CHANGED",
    identity === null
      ? "Nobody is signed in, but the data on this device belongs to someone. Sign in again to go on syncing; nothing is lost until then. To forget the data, call utils.clear()."
      : "Someone else has signed in than the one the data on this device belongs to. Pass `identity` to convexCollectionOptions(), so that everyone has local data of their own; or forget this data with utils.clear().",
  );
}
