import { ReplicateError } from "./errors.js";

/** A stable, opaque name of who is signed in, as the server gives it; null when nobody is. */
export type Identity = string | null;

/**
 * What to do when local data belongs to someone else than who is signed in.
 *
 * @param named Whose the app says that it is, where it does.
 */
export function identityAdvice(signedIn: Identity, named?: string | null): string {
  if (signedIn !== null && named) {
    return `The data under the identity ${JSON.stringify(named)} was first synced while someone else was signed in to Convex, so it is not sent or loaded now. Create the collection only once useConvexAuth().isAuthenticated is true for that person; utils.clear({ force: true }) deletes this data and begins anew.`;
  }
  return signedIn === null
    ? "Nobody is signed in, but the data on this device belongs to someone. Sign in again to go on syncing; nothing is lost until then. To forget the data, call utils.clear()."
    : "The data on this device belongs to another user than the one who is signed in. Pass `identity` to convexCollectionOptions(), so that everyone has local data of their own; or forget this data with utils.clear().";
}

/** That the data is not theirs who is signed in. */
export class WrongIdentity extends ReplicateError {
  /** Whether somebody is signed in, who could write into another's data. */
  readonly isStranger: boolean;

  constructor(signedIn: Identity, message: string) {
    super("IDENTITY_CHANGED", message);
    this.isStranger = signedIn !== null;
  }
}
