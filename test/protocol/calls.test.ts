// @vitest-environment node
import { describe, expect, it } from "vitest";
import { ConvexError } from "convex/values";
import { makeFunctionReference } from "convex/server";
import { encodeTs } from "../../dev/backend/protocol/encoding.js";
import { api } from "./fixture/convex/_generated/api.js";
import {
  connect,
  connectHttp,
  connectRecorded,
  rejection,
  startFixture,
  watch,
} from "./fixture/harness.js";

const general = { channel: "general" };
const secret = makeFunctionReference<"query">("messages:secret");
const sendInternally = makeFunctionReference<"mutation">("messages:sendInternally");
const refusal = { code: "REFUSED", attempts: 3n, proof: new Uint8Array([1, 2]).buffer };

describe("mutations", () => {
  it("resolve when the client has seen what they wrote", async () => {
    const client = connect(await startFixture());
    const list = watch(client, api.messages.list, general);
    for (let n = 1; n <= 20; n++) {
      await client.mutation(api.messages.send, { ...general, body: `message ${n}` });
      expect(list.results.at(-1)).toHaveLength(n);
    }
  });

  it("resolve when nothing changed, also without any subscription", async () => {
    const client = connect(await startFixture());
    expect(await client.mutation(api.messages.touchNothing, {})).toBe("nothing to see");
  });

  it("give commit timestamps that increase", async () => {
    const { client, received } = connectRecorded(await startFixture());
    const first = await client.mutation(api.messages.send, { ...general, body: "a" });
    const second = await client.mutation(api.messages.send, { ...general, body: "b" });
    expect(second).toBeGreaterThan(first as bigint);
    const rows = await client.query(api.messages.rows, {});
    expect(rows.map(({ ts }) => ts)).toEqual([first, second]);
    const answered = received.flatMap((message) =>
      message.type === "MutationResponse" && message.success ? [message.ts] : [],
    );
    expect(answered).toEqual([encodeTs(first as bigint), encodeTs(second as bigint)]);
  });

  it("run in the order they were made", async () => {
    const client = connect(await startFixture());
    const list = watch(client, api.messages.list, general);
    const bodies = Array.from({ length: 50 }, (_, n) => String(n));
    await Promise.all(
      bodies.map((body) => client.mutation(api.messages.send, { ...general, body })),
    );
    expect(list.results.at(-1)).toEqual(bodies);
  });

  it("leave nothing behind when they throw", async () => {
    const client = connect(await startFixture());
    const error = await rejection(
      client.mutation(api.messages.sendAndFail, { ...general, body: "never" }),
    );
    expect(error.message).toContain("changed my mind");
    expect(await client.query(api.messages.list, general)).toEqual([]);
    expect(await client.query(api.messages.count, general)).toBe(0);
  });
});

describe("actions", () => {
  it("call mutations and queries", async () => {
    const client = connect(await startFixture());
    const list = watch(client, api.messages.list, general);
    expect(await client.action(api.messages.sendFromAction, { ...general, body: "hi" })).toBe(1);
    expect(await list.until((bodies) => bodies.length > 0)).toEqual(["hi"]);
  });
});

describe.each(["WebSocket", "HTTP"] as const)("over %s", (way) => {
  const connectBy = way === "WebSocket" ? connect : connectHttp;

  it("values keep their types", async () => {
    const client = connectBy(await startFixture());
    const value = {
      big: 2n ** 60n,
      bytes: new Uint8Array([0, 255]).buffer,
      deep: [null, { a: -0 }],
    };
    expect(await client.query(api.values.echo, { value })).toEqual(value);
  });

  it("stored bytes and int64 come back", async () => {
    const client = connectBy(await startFixture());
    const bytes = new Uint8Array([1, 2, 3]).buffer;
    await client.mutation(api.values.storeFile, { bytes });
    expect(await client.query(api.values.files, {})).toMatchObject([{ bytes, size: 3n }]);
  });

  it.each(["refuseQuery", "refuseMutation", "refuseAction"] as const)(
    "the data of a ConvexError arrives (%s)",
    async (name) => {
      const client = connectBy(await startFixture());
      const error = await rejection(
        name === "refuseQuery"
          ? client.query(api.values[name], {})
          : name === "refuseMutation"
            ? client.mutation(api.values[name], {})
            : client.action(api.values[name], {}),
      );
      expect(error).toBeInstanceOf(ConvexError);
      expect(error.data).toEqual(refusal);
    },
  );

  it("internal functions are not found", async () => {
    const client = connectBy(await startFixture());
    expect((await rejection(client.query(secret, {}))).message).toContain(
      "Could not find public function for 'messages:secret'",
    );
    const write = client.mutation(sendInternally, { ...general, body: "sneaked in" });
    expect((await rejection(write)).message).toContain("Could not find public function");
    expect(await client.query(api.messages.list, general)).toEqual([]);
  });

  it("a function of another kind is not found", async () => {
    const client = connectBy(await startFixture());
    const asQuery = makeFunctionReference<"query">("messages:send");
    expect((await rejection(client.query(asQuery, {}))).message).toContain("Could not find");
  });

  it("wrong arguments are refused", async () => {
    const client = connectBy(await startFixture());
    const wrong = { channel: 7 } as unknown as { channel: string };
    expect((await rejection(client.query(api.messages.list, wrong))).message).toContain(
      "Validator error: Expected `string`, got `7`",
    );
  });
});

describe("the HTTP API", () => {
  it("answers queries at a timestamp", async () => {
    const client = connectHttp(await startFixture());
    await client.mutation(api.messages.send, { ...general, body: "hello" });
    expect(await client.consistentQuery(api.messages.list, general)).toEqual(["hello"]);
  });

  it("reaches subscribers", async () => {
    const backend = await startFixture();
    const list = watch(connect(backend), api.messages.list, general);
    await list.until(() => true);
    await connectHttp(backend).mutation(api.messages.send, { ...general, body: "by post" });
    expect(await list.until((bodies) => bodies.length > 0)).toEqual(["by post"]);
  });

  it("may be called from any origin", async () => {
    const { url } = await startFixture();
    const response = await fetch(`${url}/api/query`, { method: "OPTIONS" });
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
  });
});

describe("a failing subscription", () => {
  it("reports the error, and its data", async () => {
    const { client, received } = connectRecorded(await startFixture());
    const error = await watch(client, api.values.refuseQuery, {}).untilError();
    expect((error as ConvexError<never>).data).toEqual(refusal);
    expect(received.some(({ type }) => type === "FatalError")).toBe(false);
  });
});
