import type { UserIdentity } from "convex/server";

/** Who a token speaks for, and until when. */
export interface Session {
  identity: UserIdentity;
  /** Milliseconds since the epoch; `null` for a token that never expires. */
  expiresAt: number | null;
}

/** The token was refused. The client's auth manager fetches another one. */
export class TokenError extends Error {
  readonly code = "TOKEN_REFUSED";
}

const DEV_ISSUER = "https://dev.local";
const HOUR_SECONDS = 3600;

/** JWT claims whose `UserIdentity` attribute has another name. */
const ATTRIBUTE_OF_CLAIM: Record<string, string> = {
  given_name: "givenName",
  family_name: "familyName",
  preferred_username: "preferredUsername",
  profile: "profileUrl",
  picture: "pictureUrl",
  email_verified: "emailVerified",
  birthdate: "birthday",
  zoneinfo: "timezone",
  locale: "language",
  phone_number: "phoneNumber",
  phone_number_verified: "phoneNumberVerified",
  updated_at: "updatedAt",
};

/** Claims about the token rather than about the person. */
const TOKEN_CLAIMS = new Set(["sub", "iss", "aud", "exp", "iat", "nbf"]);

/**
 * Makes a token for `{ sub: "ada", … }` that this backend accepts. It is unsigned: good enough on
 * loopback, worthless anywhere else. `iat` and `exp` are set because the client's auth manager
 * schedules its refresh from them.
 *
 * @example client.setAuth(async () => devToken({ sub: "ada", name: "Ada" }));
 */
export function devToken(
  claims: { sub: string } & Record<string, unknown>,
  ttlSeconds = HOUR_SECONDS,
): string {
  const iat = Math.floor(Date.now() / 1000);
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const payload = { iat, exp: iat + ttlSeconds, iss: DEV_ISSUER, ...claims };
  return `${encode({ alg: "none", typ: "JWT" })}.${encode(payload)}.unsigned`;
}

/** Reads a development token. Throws {@link TokenError} when it is malformed or has expired. */
export function readDevToken(token: string): Session {
  const claims = decodeClaims(token);
  const { sub, iss, exp } = claims;
  if (typeof sub !== "string" || typeof iss !== "string") {
    throw new TokenError("Could not verify OIDC token claim: `sub` and `iss` must be strings");
  }
  const expiresAt = typeof exp === "number" ? exp * 1000 : null;
  const session = { identity: toIdentity(claims, iss, sub), expiresAt };
  assertNotExpired(session);
  return session;
}

export function assertNotExpired(session: Session): void {
  if (session.expiresAt !== null && session.expiresAt <= Date.now()) {
    throw new TokenError("Could not verify OIDC token claim: the token has expired");
  }
}

function toIdentity(claims: Record<string, unknown>, iss: string, sub: string): UserIdentity {
  const attributes = Object.entries(claims)
    .filter(([claim]) => !TOKEN_CLAIMS.has(claim))
    .map(([claim, value]) => [ATTRIBUTE_OF_CLAIM[claim] ?? claim, value]);
  return {
    ...Object.fromEntries(attributes),
    issuer: iss,
    subject: sub,
    tokenIdentifier: `${iss}|${sub}`,
  };
}

function decodeClaims(token: string): Record<string, unknown> {
  try {
    const claims: unknown = JSON.parse(
      Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"),
    );
    if (typeof claims === "object" && claims !== null) return claims as Record<string, unknown>;
  } catch {
    // Falls through: whatever was wrong with it, it is not a token.
  }
  throw new TokenError("Could not parse the token: it is not a JWT");
}
