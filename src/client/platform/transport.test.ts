import { ConvexClient } from "convex/browser";
import { ConvexReactClient } from "convex/react";
import { makeFunctionReference } from "convex/server";
import { describe, expect, it, vi } from "vitest";
import type { StreamPage } from "../../shared/wire.js";
import { realEnvironment } from "./environment.js";
import { noPage } from "./page.js";
import {
  addressOf,
  convexTransport,
  type ConvexClientLike,
  type ReplicateApi,
} from "./transport.js";

const URL = "http://127.0.0.1:9";
const api = {
  stream: makeFunctionReference("tasks:stream"),
  push: makeFunctionReference("tasks:push"),
  protocol: makeFunctionReference("tasks:protocol"),
} as unknown as ReplicateApi;
const page: StreamPage = {
  entries: [],
  cursor: "c",
  done: true,
  progress: 1,
  reset: null,
  identity: null,
};

describe("the address of a deployment", () => {
  it.each<[string, ConvexClientLike]>([
    ["a ConvexReactClient", new ConvexReactClient(URL, { skipConvexDeploymentUrlCheck: true })],
    ["a disabled ConvexClient", new ConvexClient(URL, { disabled: true })],
  ])("is asked of %s without connecting", (_name, client) => {
    expect(() => addressOf(client)).not.toThrow();
  });

  it("tells deployments apart, wherever a client keeps it", () => {
    const clientWith = (shape: object) => shape as ConvexClientLike;
    expect(addressOf(clientWith({ url: "https://a" }))).toBe("https://a");
    expect(addressOf(clientWith({ client: { url: "https://b" } }))).toBe("https://b");
    expect(addressOf(clientWith({}))).toBe("");
  });
});

describe("a client that is of no use", () => {
  it.each<[string, () => ConvexClientLike]>([
    ["disabled, as on a server", () => new ConvexClient(URL, { disabled: true })],
    [
      "closed",
      () => {
        const client = new ConvexReactClient(URL, { skipConvexDeploymentUrlCheck: true });
        void client.close();
        return client;
      },
    ],
  ])("is not connected, rather than an error: %s", (_name, make) => {
    const transport = convexTransport(make(), api, noPage, realEnvironment);
    expect(transport.isConnected()).toBe(false);
    expect(() => transport.onConnection(() => undefined)()).not.toThrow();
  });
});

describe("subscribing through a ConvexReactClient", () => {
  function watched(results: (StreamPage | Error | undefined)[]) {
    let listener = () => {};
    const stop = vi.fn();
    const client = {
      watchQuery: () => ({
        onUpdate: (next: () => void) => {
          listener = next;
          return stop;
        },
        localQueryResult: () => {
          const result = results.shift();
          if (result instanceof Error) throw result;
          return result;
        },
      }),
    } as unknown as ConvexClientLike;
    const onPage = vi.fn();
    const onError = vi.fn();
    const unsubscribe = convexTransport(client, api, noPage, realEnvironment).subscribe(
      "c",
      onPage,
      onError,
    );
    return { update: () => listener(), onPage, onError, unsubscribe, stop };
  }

  it("brings results as they come, and nothing while there is none", () => {
    const { update, onPage, onError, unsubscribe, stop } = watched([undefined, page]);
    expect(onPage).not.toHaveBeenCalled();
    update();
    expect(onPage.mock.calls).toEqual([[page]]);
    expect(onError).not.toHaveBeenCalled();
    unsubscribe();
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it("brings what another watcher has fetched already", () => {
    expect(watched([page]).onPage.mock.calls).toEqual([[page]]);
  });

  it("brings errors as errors", () => {
    const { update, onPage, onError } = watched([undefined, new Error("refused")]);
    update();
    expect(onError.mock.calls).toEqual([[new Error("refused")]]);
    expect(onPage).not.toHaveBeenCalled();
  });
});
