import { ReplicateError } from "../../shared/errors.js";
import { identityAdvice, type Identity } from "../../shared/identity.js";
import type { StorageTransaction } from "../storage/storage.js";

export type { Identity };

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
  if (pinned !== null) throw new ReplicateError("IDENTITY_CHANGED", identityAdvice(identity));
  await tx.put("meta", "owner", { identity });
}
