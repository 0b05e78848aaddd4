/** A stable, opaque name of who is signed in, as the server gives it; null when nobody is. */
export type Identity = string | null;

/** What to do when local data belongs to someone else than who is signed in. */
export function identityAdvice(signedIn: Identity): string {
  return signedIn === null
    ? "Nobody is signed in, but the data on this device belongs to someone. Sign in again to go on syncing; nothing is lost until then. To forget the data, call utils.clear()."
    : "Someone else has signed in than the one the data on this device belongs to. Pass `identity` to convexCollectionOptions(), so that everyone has local data of their own; or forget this data with utils.clear().";
}
