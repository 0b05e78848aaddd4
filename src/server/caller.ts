import type { Auth } from "convex/server";
import { ConvexError } from "convex/values";
import { identityAdvice, type Identity } from "../shared/identity.js";
import { MAX_PAGE_IDS } from "../shared/limits.js";
import type { Sender } from "../shared/wire.js";
import { invalidPush } from "./batch.js";
import { hash } from "./hash.js";

/** Length of a device's secret, in hexadecimal digits: 128 bits. */
const SECRET_DIGITS = 32;
const SECRET = new RegExp(`^[0-9a-f]{${SECRET_DIGITS}}$`);

/** Longest page id, in characters. */
const MAX_PAGE_ID_LENGTH = 32;

/** Who pushes, as the server sees it. */
export type Caller = {
  /** The owner that client ids used for the first time are bound to. */
  owner: string;
  /** Hash of the device's secret; the secret itself is stored nowhere but on the device. */
  device: string;
  /** As in {@link Sender}. */
  pageIds: readonly string[];
};

/**
 * A stable name for who is signed in that says nothing about them, or null when nobody is. Clients
 * compare it with the one that their local data belongs to.
 */
export async function identityOf(ctx: { auth: Auth }): Promise<Identity> {
  const identity = await ctx.auth.getUserIdentity();
  return identity && hash(`identity ${identity.tokenIdentifier}`);
}

/**
 * @throws ConvexError `IDENTITY_CHANGED` when the changes are another identity's, `INVALID_PUSH`
 * when the sender makes no sense. No document is to blame for either.
 */
export async function callerOf(ctx: { auth: Auth }, sender: Sender): Promise<Caller> {
  const { secret, pageIds } = sender;
  const isValid =
    SECRET.test(secret) &&
    pageIds.length >= 1 &&
    pageIds.length <= MAX_PAGE_IDS &&
    pageIds.every((pageId) => pageId.length >= 1 && pageId.length <= MAX_PAGE_ID_LENGTH);
  if (!isValid) {
    throw invalidPush(
      `A push must carry a device secret of ${SECRET_DIGITS} hexadecimal digits and 1 to ${MAX_PAGE_IDS} page ids.`,
    );
  }
  const identity = await identityOf(ctx);
  if (identity !== sender.identity) {
    throw new ConvexError({ code: "IDENTITY_CHANGED", message: identityAdvice(identity) });
  }
  const device = await hash(`device ${secret}`);
  return {
    device,
    owner: identity === null ? anonymousOwner(device) : `user ${identity}`,
    pageIds,
  };
}

/** Whom client ids belong to that a device used before anyone signed in on it. */
export function anonymousOwner(device: string): string {
  return `device ${device}`;
}
