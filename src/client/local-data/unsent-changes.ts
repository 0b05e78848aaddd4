import { ReplicateError } from "../../shared/errors.js";

/** Why data that the server lacks is not deleted. */
export function unsentChanges(pending: number, rejected: number): ReplicateError {
  const changes =
    pending + rejected === 1 ? "1 change exists" : `${pending + rejected} changes exist`;
  return new ReplicateError(
    "UNSENT_CHANGES",
    `${changes} only on this device: ${pending} not sent yet, ${rejected} refused by the server. Wait for utils.flush() and settle the refused ones in utils.outbox, or lose them with clear({ force: true }).`,
  );
}
