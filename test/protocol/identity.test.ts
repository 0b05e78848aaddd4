// @vitest-environment node
import { describe, expect, it, vi } from "vitest";
import { devToken } from "../../dev/backend/index.js";
import { api } from "./fixture/convex/_generated/api.js";
import { connect, connectHttp, rejection, startFixture, watch } from "./fixture/harness.js";

const ada = devToken({ sub: "ada", name: "Ada" });
const expired = devToken({ sub: "ada" }, -1);

describe("identity over WebSocket", () => {
  it("reaches functions, and follows setAuth", async () => {
    const client = connect(await startFixture());
    const who = watch(client, api.values.whoAmI, {});
    await who.until((person) => person === null);
    client.setAuth(async () => ada);
    expect(await who.until((person) => person !== null)).toEqual({ subject: "ada", name: "Ada" });
    expect(await client.mutation(api.values.whoWrites, {})).toBe("ada");

    client.setAuth(async () => devToken({ sub: "bob", name: "Bob" }));
    await who.until((person) => person?.subject === "bob");
    expect(await client.mutation(api.values.whoWrites, {})).toBe("bob");
  });

  it("ends with clearAuth", async () => {
    const client = connect(await startFixture());
    const who = watch(client, api.values.whoAmI, {});
    client.setAuth(async () => ada);
    await who.until((person) => person !== null);
    client.client.clearAuth();
    expect(await who.until((person) => person === null)).toBeNull();
  });

  it("is not shared between clients that ask the same", async () => {
    const backend = await startFixture();
    const subjects = ["ada", "bob", "cyd"];
    const mine = await Promise.all(
      subjects.map(async (sub) => {
        const client = connect(backend);
        client.setAuth(async () => devToken({ sub }));
        const files = watch(client, api.values.myFiles, {});
        await files.until(({ owner }) => owner === sub);
        return files;
      }),
    );
    // One commit, after which all three run in the same breath.
    await connectHttp(backend).mutation(api.values.storeFile, { bytes: new ArrayBuffer(1) });
    const now = await Promise.all(mine.map((files) => files.until(({ count }) => count === 1)));
    expect(now.map(({ owner }) => owner)).toEqual(subjects);
  });

  it("is refused when the token has expired; a fresh one is fetched", async () => {
    const client = connect(await startFixture());
    const who = watch(client, api.values.whoAmI, {});
    const changes: boolean[] = [];
    client.setAuth(
      async ({ forceRefreshToken }) => (forceRefreshToken ? ada : expired),
      (isAuthenticated) => changes.push(isAuthenticated),
    );
    await who.until((person) => person !== null);
    expect(changes).toEqual([true]);
  });

  it("is given up when every token is refused", async () => {
    const client = connect(await startFixture());
    const gaveUp = new Promise<boolean>((resolve) => client.setAuth(async () => expired, resolve));
    expect(await gaveUp).toBe(false);
    expect(await watch(client, api.values.whoAmI, {}).until(() => true)).toBeNull();
  });

  it("expires while the client is connected: its mutation waits for a fresh token", async () => {
    const client = connect(await startFixture());
    const who = watch(client, api.values.whoAmI, {});
    let fetched = 0;
    client.setAuth(async () => devToken({ sub: "ada", fetched: ++fetched }));
    await who.until((person) => person !== null);
    // The client replaces its first token at once.
    while (fetched < 2) await client.mutation(api.values.whoWrites, {});
    await client.mutation(api.values.whoWrites, {});

    const clock = vi.spyOn(Date, "now");
    try {
      const now = Date.now();
      clock.mockImplementation(() => now + 2 * 3600 * 1000);
      expect(await client.mutation(api.values.whoWrites, {})).toBe("ada");
    } finally {
      clock.mockRestore();
    }
    expect(fetched).toBeGreaterThan(2);
  });

  it("survives a broken socket", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    client.setAuth(async () => ada);
    await watch(client, api.values.whoAmI, {}).until((person) => person !== null);
    backend.faults.dropSockets();
    expect(await client.mutation(api.values.whoWrites, {})).toBe("ada");
  });
});

describe("identity over HTTP", () => {
  it("comes with each request", async () => {
    const client = connectHttp(await startFixture());
    expect(await client.query(api.values.whoAmI, {})).toBeNull();
    client.setAuth(ada);
    expect(await client.query(api.values.whoAmI, {})).toEqual({ subject: "ada", name: "Ada" });
  });

  it.each([
    ["expired", expired, "has expired"],
    ["not a JWT", "hello", "not a JWT"],
  ])("is refused when the token is %s", async (_, token, message) => {
    const client = connectHttp(await startFixture());
    client.setAuth(token);
    expect((await rejection(client.query(api.values.whoAmI, {}))).message).toContain(message);
  });
});
