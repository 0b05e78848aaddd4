import { ReplicateError } from "../../shared/errors.js";
import { WrongIdentity } from "../../shared/identity.js";
import { refusalOf, type Refusal } from "../../shared/refusal.js";

/** Codes for a tab whose code does not fit the server; that of another tab may. */
const UNFIT = new Set(["PROTOCOL_MISMATCH", "FIELDS_MISMATCH"]);

/** The server asks for less, later: nothing is wrong with what was sent. */
export const RATE_LIMITED = "RATE_LIMITED";

/** What the syncing tab knows of how it goes; other tabs get it by messages. */
export type SyncState = {
  /** Whether everything that the server has sent is applied here. */
  caughtUp: boolean;
  /** Share of the first load that is done, 0 to 1. */
  fraction: number;
  pullReason: Reason | null;
  pushReason: Reason | null;
  /** Why a damaged document cannot be recovered, while everything else goes on. */
  healReason: Reason | null;
};

/** Why syncing does not go on; `blocks` when trying again alone will not help. */
export type Reason = Refusal & {
  blocks: boolean;
  /** Somebody is signed in whose data this is not: what they write would go out as another's. */
  isStranger?: boolean;
};

export const INITIAL_SYNC_STATE: SyncState = {
  caughtUp: false,
  fraction: 0,
  pullReason: null,
  pushReason: null,
  healReason: null,
};

export function reasonOf(error: Error | null): Reason | null {
  if (error === null) return null;
  const refusal = refusalOf(error);
  if (refusal) return { ...refusal, blocks: refusal.code !== RATE_LIMITED };
  if (error instanceof ReplicateError) {
    const blocks = UNFIT.has(error.code) || error.code === "IDENTITY_CHANGED";
    const { code, message } = error;
    return {
      code,
      message,
      blocks,
      ...(error instanceof WrongIdentity && { isStranger: error.isStranger }),
    };
  }
  return { code: "SERVER_ERROR", message: error.message, blocks: false };
}

/** Whether someone else is signed in than the owner of the data, or nobody; in another tab it may be they. */
export function isWrongIdentity(reason: Reason | null): boolean {
  return reason?.code === "IDENTITY_CHANGED";
}

export function isUnfit(reason: Reason | null): boolean {
  return reason !== null && UNFIT.has(reason.code);
}
