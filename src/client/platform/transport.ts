import type { FunctionReference } from "convex/server";
import type {
  Change,
  Held,
  Protocol,
  PushResult,
  Recovery,
  Sender,
  StreamPage,
} from "../../shared/wire.js";
import { FIELDS_PART } from "../../shared/plain-part.js";
import type { Page } from "./page.js";
import type { Environment } from "./environment.js";
import { OfflineHint } from "./offline-hint.js";

/** The functions of one replicated table that the client calls: `api.tasks`, as it is generated. */
export interface ReplicateApi {
  stream: FunctionReference<
    "query",
    "public",
    { cursor: string | null; rows?: boolean; stubs?: boolean },
    StreamPage
  >;
  recover: FunctionReference<"query", "public", { part: string; documents: Held[] }, Recovery>;
  push: FunctionReference<"mutation", "public", { sender: Sender; changes: Change[] }, PushResult>;
  // `{}` is what Convex generates for a function without arguments.
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  protocol: FunctionReference<"query", "public", {}, Protocol>;
}

/** What the engine needs of a network; errors of the server's functions arrive as rejections. */
export interface Transport {
  stream(args: { cursor: string | null; rows?: boolean }): Promise<StreamPage>;
  /** What is missing of these documents, as far as it could be read at once: see {@link Recovery}. */
  recover(documents: Held[]): Promise<Recovery>;
  push(changes: Change[], sender: Sender): Promise<PushResult>;
  protocol(): Promise<Protocol>;
  /** The stream from a cursor, with stubs, again whenever it changes. */
  subscribe(
    cursor: string | null,
    onPage: (page: StreamPage) => void,
    onError: (error: Error) => void,
  ): () => void;
  isConnected(): boolean;
  onConnection(listener: () => void): () => void;
}

type Connection = { isWebSocketConnected: boolean };

interface CommonClient {
  query(query: FunctionReference<"query">, args: object): Promise<unknown>;
  mutation(mutation: FunctionReference<"mutation">, args: object): Promise<unknown>;
  connectionState(): Connection;
  subscribeToConnectionState(listener: (state: Connection) => void): () => void;
}

interface BrowserClient extends CommonClient {
  onUpdate(
    query: FunctionReference<"query">,
    args: object,
    onResult: (result: unknown) => unknown,
    onError?: (error: Error) => unknown,
  ): () => void;
}

interface ReactClient extends CommonClient {
  watchQuery(
    query: FunctionReference<"query">,
    args: object,
  ): { onUpdate(listener: () => void): () => void; localQueryResult(): unknown };
}

/** A `ConvexClient` of `convex/browser` or a `ConvexReactClient` of `convex/react`. */
export type ConvexClientLike = BrowserClient | ReactClient;

/** How long after the network went the server is asked whether it is there all the same, in ms. */
const PROBE_DELAY_MS = 500;

/** @param page Says when the device has lost its network, which the client may take a minute to notice. */
export function convexTransport(
  client: ConvexClientLike,
  api: ReplicateApi,
  page: Pick<Page, "onNetwork">,
  environment: Environment,
): Transport {
  const isOpen = () => ifUsable(() => client.connectionState().isWebSocketConnected, false);
  const offlineHint = new OfflineHint(page, async () => {
    await new Promise<void>((resolve) => environment.after(PROBE_DELAY_MS, resolve));
    // A socket that is closing has been noticed: asking over it would only be an error in the console.
    if (isOpen()) await client.query(api.protocol, {});
  });
  return {
    stream: (args) => client.query(api.stream, args) as Promise<StreamPage>,
    recover: (documents) =>
      client.query(api.recover, { part: FIELDS_PART, documents }) as Promise<Recovery>,
    push: (changes, sender) =>
      client.mutation(api.push, { sender, changes }) as Promise<PushResult>,
    protocol: () => client.query(api.protocol, {}) as Promise<Protocol>,
    subscribe(cursor, onPage, onError) {
      const args = { cursor, stubs: true };
      if ("onUpdate" in client) {
        const onResult = (result: unknown) => onPage(result as StreamPage);
        return client.onUpdate(api.stream, args, onResult, onError);
      }
      const watch = client.watchQuery(api.stream, args);
      return watchResults(watch, onPage, onError);
    },
    isConnected: () => !offlineHint.isOffline && isOpen(),
    onConnection(listener) {
      const stops = [
        offlineHint.onChange(listener),
        ifUsable(
          () => client.subscribeToConnectionState(listener),
          () => undefined,
        ),
      ];
      return () => stops.forEach((stop) => stop());
    },
  };
}

/** Clients that are closed, or disabled for server rendering, throw at whatever they are asked. */
function ifUsable<T>(ask: () => T, otherwise: T): T {
  try {
    return ask();
  } catch {
    return otherwise;
  }
}

function watchResults(
  watch: ReturnType<ReactClient["watchQuery"]>,
  onPage: (page: StreamPage) => void,
  onError: (error: Error) => void,
): () => void {
  const read = () => {
    let page: StreamPage | undefined;
    try {
      page = watch.localQueryResult() as StreamPage | undefined;
    } catch (error) {
      return onError(error as Error);
    }
    if (page !== undefined) onPage(page);
  };
  const stop = watch.onUpdate(read);
  read(); // another watcher may have brought the result already
  return stop;
}

/** Keeps deployments apart in local storage; empty when the client does not expose it. */
export function addressOf(client: ConvexClientLike): string {
  const { url } = client as { url?: unknown };
  const inner = () => (client as { client?: { url?: unknown } }).client?.url;
  const address = typeof url === "string" ? url : ifUsable(inner, "");
  return typeof address === "string" ? address : "";
}
