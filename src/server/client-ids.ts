import { ReplicateError } from "../shared/errors.js";
import { MAX_CLIENT_IDS_PER_DOCUMENT, MAX_CLIENT_IDS_PER_OWNER } from "../shared/limits.js";
import { anonymousOwner, type Caller } from "./caller.js";

/** Whom a client id is bound to, and which page used it last. */
type Binding = { owner: string; device: string; pageId: string };

/** What the caller may do under a client id. */
export type Standing =
  /** Theirs, and nothing about the binding changes. */
  | "own"
  /** Theirs once it is bound: free so far, used by an earlier page, or before they signed in. */
  | "claimable"
  /** Someone else's. */
  | "foreign"
  /** Theirs, but another copy of the same storage goes on with it: the same clocks mean two things. */
  | "forked"
  /** Free, but the caller has too many. */
  | "excessive";

/** What a caller may do under each client id of a push. */
export type Standings = ReadonlyMap<number, Standing>;

/** How a caller stands to an id that is bound (S3, C6). */
export function standingOf(binding: Binding, caller: Caller): Exclude<Standing, "excessive"> {
  const { owner, device, pageId } = binding;
  const signsIn = owner === anonymousOwner(caller.device);
  if (device !== caller.device || !(owner === caller.owner || signsIn)) return "foreign";
  const [newest, ...earlier] = caller.pageIds;
  if (pageId === newest) return owner === caller.owner ? "own" : "claimable";
  return earlier.includes(pageId) ? "claimable" : "forked";
}

/** How a caller stands to ids, of which some are free; `used` counts what the caller has already. */
export function standingsFor(
  clientIds: readonly number[],
  bindings: readonly (Binding | null)[],
  used: number,
  caller: Caller,
): Standings {
  let room = MAX_CLIENT_IDS_PER_OWNER - used;
  return new Map(
    clientIds.map((clientId, index) => {
      const binding = bindings[index];
      if (binding) return [clientId, standingOf(binding, caller)];
      return [clientId, room-- > 0 ? "claimable" : "excessive"];
    }),
  );
}

/**
 * Refuses an update that uses an id that is not the caller's. What only repeats what is known
 * already may be anyone's, but not a fork's own: there the same clocks mean something else.
 *
 * @param authors Every id that the update uses.
 * @param fresh Those under which it writes something new.
 * @param known Those that the document has heard of.
 * @throws {ReplicateError} `CLIENT_ID_TAKEN` or `TOO_MANY_CLIENT_IDS`
 */
export function checkAuthors(
  standings: Standings,
  authors: ReadonlySet<number>,
  fresh: ReadonlySet<number>,
  known: ReadonlyMap<number, number>,
) {
  for (const author of authors) {
    const standing = standings.get(author);
    if (standing === "forked" || (standing === "foreign" && fresh.has(author))) {
      throw new ReplicateError(
        "CLIENT_ID_TAKEN",
        "The update uses a Yjs client id that belongs to another user or device.",
      );
    }
    if (standing === "excessive" && fresh.has(author)) {
      throw tooMany(
        `One person, or one device on which nobody has signed in, may use at most ${MAX_CLIENT_IDS_PER_OWNER} Yjs client ids, and no more are left.`,
      );
    }
  }
  const newcomers = [...fresh].filter((author) => !known.has(author)).length;
  if (newcomers > 0 && known.size + newcomers > MAX_CLIENT_IDS_PER_DOCUMENT) {
    throw tooMany(
      `A document takes changes under at most ${MAX_CLIENT_IDS_PER_DOCUMENT} Yjs client ids, about one per device. Remove the document and insert it again to start afresh.`,
    );
  }
}

function tooMany(message: string): ReplicateError {
  return new ReplicateError("TOO_MANY_CLIENT_IDS", message);
}
