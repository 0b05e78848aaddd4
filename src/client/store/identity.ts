import { identityAdvice, NotTheirs, type Identity } from "../../shared/identity.js";
import { intact, seal } from "../storage/sealed.js";
import type { StorageTransaction } from "../storage/storage.js";

const DAMAGED =
  "The note of whose data is on this device was damaged, so nothing of it is sent or loaded. utils.clear({ force: true }) deletes the data and begins anew; utils.outbox.export() has what was not sent.";

/**
 * Who the local data belongs to; null when that is nobody yet.
 *
 * @throws {ReplicateError} `IDENTITY_CHANGED` when that cannot be read: it may be anyone's.
 */
export async function readPin(tx: StorageTransaction): Promise<Identity> {
  const pin = await readOwner(tx);
  if (pin === undefined) throw new NotTheirs(null, DAMAGED);
  return pin;
}

async function readOwner(tx: StorageTransaction): Promise<Identity | undefined> {
  const stored = await tx.get("meta", "owner");
  if (stored === undefined) return null;
  const identity = intact<{ identity?: unknown } | null>(stored)?.identity;
  return typeof identity === "string" || identity === null ? identity : undefined;
}

/**
 * Lets who is signed in have the local data, or refuses: what one person left unsent must not go out
 * as another's work, nor may one see what was loaded for the other. What was made before anyone
 * signed in becomes theirs who does.
 *
 * @param named Whose the app says that it is, where it does.
 * @throws {ReplicateError} `IDENTITY_CHANGED`
 */
export async function pinIdentity(
  tx: StorageTransaction,
  identity: Identity,
  named?: string | null,
): Promise<void> {
  const pinned = await readOwner(tx);
  if (pinned === undefined) throw new NotTheirs(identity, DAMAGED);
  if (pinned === identity) return;
  if (pinned !== null) throw new NotTheirs(identity, identityAdvice(identity, named));
  await tx.put("meta", "owner", seal({ identity }));
}
