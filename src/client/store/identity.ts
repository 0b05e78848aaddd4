import { identityAdvice, WrongIdentity, type Identity } from "../../shared/identity.js";
import { intact, seal } from "../storage/sealed.js";
import type { StorageTransaction } from "../storage/storage.js";
import { META } from "../storage/meta-keys.js";

const DAMAGED =
  "It can no longer be told whose data this is: that record is damaged, so nothing of it is sent or loaded. utils.clear({ force: true }) deletes the data and starts again; utils.outbox.export() has what was not sent.";

/**
 * Who the local data belongs to; null when that is nobody yet.
 *
 * @throws {ReplicateError} `IDENTITY_CHANGED` when that cannot be read: it may be anyone's.
 */
export async function readPin(tx: StorageTransaction): Promise<Identity> {
  const pin = await readOwner(tx);
  if (pin === undefined) throw new WrongIdentity(null, DAMAGED);
  return pin;
}

async function readOwner(tx: StorageTransaction): Promise<Identity | undefined> {
  const stored = await tx.get("meta", META.owner);
  if (stored === undefined) return null;
  const identity = intact<{ identity?: unknown } | null>(stored)?.identity;
  return typeof identity === "string" || identity === null ? identity : undefined;
}

/**
 * Lets who is signed in have the local data, or refuses: what one person left unsent must not go out
 * as another's work, nor may one see what was loaded for the other. Data made before anyone signed in
 * goes to the first user who does.
 *
 * @param named The owner that the app names, if it names one.
 * @throws {ReplicateError} `IDENTITY_CHANGED`
 */
export async function pinIdentity(
  tx: StorageTransaction,
  identity: Identity,
  named?: string | null,
): Promise<void> {
  const pinned = await readOwner(tx);
  if (pinned === undefined) throw new WrongIdentity(identity, DAMAGED);
  if (pinned === identity) return;
  if (pinned !== null) throw new WrongIdentity(identity, identityAdvice(identity, named));
  await tx.put("meta", META.owner, seal({ identity }));
}
