/**
 * Every code this package can answer with. Codes are stable: match on them, never on messages.
 *
 * On the server they travel as the `code` of a rejected document or in `ConvexError.data`; on the
 * client they are the `code` of a thrown {@link ReplicateError}, of a status `reason`, or of a
 * rejected outbox record.
 */
export type ReplicateErrorCode =
  | "INVALID_FIELDS"
  | "INVALID_OPTIONS"
  | "INVALID_ID"
  | "INVALID_VALUE"
  | "INVALID_ROW"
  | "ROW_TOO_LARGE"
  | "DOCUMENT_FULL"
  | "INVALID_UPDATE"
  | "UPDATE_TOO_LARGE"
  | "MISSING_DEPENDENCIES"
  | "CLIENT_ID_TAKEN"
  | "TOO_MANY_CLIENT_IDS"
  | "TOO_MANY_KEYS"
  | "IDENTITY_CHANGED"
  | "UNKNOWN_DOCUMENT"
  | "DOCUMENT_REMOVED"
  | "SENT_LONG_AGO"
  | "INVALID_PUSH"
  | "RATE_LIMITED"
  | "INVALID_RECOVER"
  | "REFUSED"
  | "PROTOCOL_MISMATCH"
  | "FIELDS_MISMATCH"
  | "COLLECTION_CONFLICT"
  | "STORAGE_FAILED"
  | "STORAGE_FULL"
  | "STORAGE_BLOCKED"
  | "STORAGE_REFUSED"
  | "STORAGE_LOST"
  | "NEWER_DATA"
  | "OUTBOX_CORRUPT"
  | "UNSENT_CHANGES"
  | "DATA_CLEARED"
  | "SERVER_ERROR"
  | "UNREACHABLE";

/** An error of this package, with a stable {@link ReplicateErrorCode}. */
export class ReplicateError extends Error {
  readonly code: ReplicateErrorCode;

  constructor(code: ReplicateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ReplicateError";
    this.code = code;
  }
}
