import { ReplicateError } from "./errors.js";

/** A stable, opaque name of who is signed in, as the server gives it; null when nobody is. */
export type Identity = string | null;

/**
 * What to do when local data belongs to someone else than who is signed in.
 *
 * @param named The `identity` that the app passed, if any.
 */
export function identityAdvice(signedIn: Identity, named?: string | null): string {
  if (signedIn !== null && named) {
    return `The data under the identity ${JSON.stringify(named)} belongs to another user than the one who is signed in to Convex. It syncs again once that user is signed in. If both are the same user, it was first synced while someone else was signed in: then delete it with utils.clear() (utils.clear({ force: true }) also loses its unsent changes), and create the collection only once useConvexAuth().isAuthenticated is true for that user.`;
  }
  return signedIn === null
    ? "Nobody is signed in, but the data on this device belongs to someone. Sign in again to go on syncing; nothing is lost until then. To forget the data, call utils.clear()."
    : "The data on this device belongs to another user than the one who is signed in. Pass `identity` to convexCollectionOptions(), so that everyone has local data of their own; or forget this data with utils.clear().";
}

/** The local data belongs to someone other than the signed-in user. */
export class WrongIdentity extends ReplicateError {
  /** Whether somebody is signed in, who could write into another's data. */
  readonly isStranger: boolean;

  constructor(signedIn: Identity, message: string) {
    super("IDENTITY_CHANGED", message);
    this.isStranger = signedIn !== null;
  }
}
