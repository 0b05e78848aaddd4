import { ReplicateError } from "../../shared/errors.js";

/**
 * Data that the server lacks is not deleted.
 *
 * @throws {ReplicateError} `UNSENT_CHANGES` if there is any.
 */
export function checkNothingUnsent({ pending, rejected }: { pending: number; rejected: number }) {
  const count = pending + rejected;
  if (count === 0) return;
  const changes = count === 1 ? "1 change exists" : `${count} changes exist`;
  throw new ReplicateError(
    "UNSENT_CHANGES",
    `${changes} only on this device: ${pending} not sent yet, ${rejected} refused by the server. Wait for utils.flush() and settle the refused ones in utils.outbox, or lose them with clear({ force: true }).`,
  );
}
