import { ReplicateError } from "../../shared/errors.js";
import { PROTOCOL_VERSION } from "../../shared/versions.js";
import type { Protocol, StreamPage } from "../../shared/wire.js";
import { backoffMs } from "../platform/backoff.js";
import { sleep, type Environment } from "../platform/environment.js";
import type { Transport } from "../platform/transport.js";

/** Resolves once there is a connection, or when it was aborted. */
export function untilConnected(transport: Transport, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (!transport.isConnected() && !signal.aborted) return;
      stop();
      signal.removeEventListener("abort", check);
      resolve();
    };
    const stop = transport.onConnection(check);
    signal.addEventListener("abort", check);
    check();
  });
}

/**
 * Resolves once the owner of the local data is signed in; nothing that the server sends is applied.
 *
 * @param identify Rejects for anyone else. Where a failing disk does not let it decide, it is asked again:
 * the next page may be hours away.
 */
export function untilMine(
  transport: Transport,
  environment: Environment,
  cursor: string | null,
  identify: (identity: StreamPage["identity"]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    let newest: StreamPage | null = null;
    let stop = () => {};
    const end = () => {
      newest = null;
      signal.removeEventListener("abort", end);
      stop();
      resolve();
    };
    const listen = async (page: StreamPage) => {
      newest = page;
      for (let failures = 0; newest === page; failures++) {
        const problem = await identify(page.identity).catch((error: Error) => error);
        if (newest !== page || (problem as ReplicateError)?.code === "IDENTITY_CHANGED") return;
        if (!problem) return end();
        await sleep(environment, backoffMs(failures, environment), signal);
      }
    };
    signal.addEventListener("abort", end);
    stop = transport.subscribe(
      cursor,
      (page) => void listen(page),
      () => undefined,
    );
    if (signal.aborted) end();
  });
}

/**
 * Resolves when a pause is over, or as soon as a read that was refused is allowed: the server runs a
 * subscription again when what `evalRead` goes by changes, who is signed in for example. A page that no
 * refusal preceded does not end the pause: the refused read may have been another query's.
 */
export async function untilAllowed(
  transport: Transport,
  cursor: string | null,
  pause: Promise<void>,
): Promise<void> {
  let isRefused = false;
  let stop = () => {};
  const allowed = new Promise<void>((resolve) => {
    const onPage = () => isRefused && resolve();
    stop = transport.subscribe(cursor, onPage, () => void (isRefused = true));
  });
  await Promise.race([pause, allowed]);
  stop();
}

/** @throws {ReplicateError} `PROTOCOL_MISMATCH` or `FIELDS_MISMATCH` when the two cannot understand each other. */
export function checkProtocol({ version, fields }: Protocol, ours: string) {
  if (version !== PROTOCOL_VERSION) {
    const older = version < PROTOCOL_VERSION ? "server" : "client";
    throw new ReplicateError(
      "PROTOCOL_MISMATCH",
      `The server uses version ${version} of the sync protocol, this client version ${PROTOCOL_VERSION}. Update convex-replicate on the ${older}; local changes are kept until then.`,
    );
  }
  if (fields !== ours) {
    throw new ReplicateError(
      "FIELDS_MISMATCH",
      `The server's fields (${fields}) are not those of this client (${ours}). Deploy both from the same fields module, or reload an app that was left open; local changes are kept until then.`,
    );
  }
}
