// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Transition } from "../../dev/backend/protocol/messages.js";
import { api } from "./fixture/convex/_generated/api.js";
import { connect, connectHttp, connectRecorded, startFixture, watch } from "./fixture/harness.js";

const general = { channel: "general" };

describe("subscriptions", () => {
  it("answers with what is there, and again whenever it changes", async () => {
    const backend = await startFixture();
    const ada = connect(backend);
    const bob = connect(backend);
    const seenByBob = watch(bob, api.messages.list, general);
    expect(await seenByBob.until(() => true)).toEqual([]);

    await ada.mutation(api.messages.send, { ...general, body: "hello" });
    expect(await seenByBob.until((list) => list.length > 0)).toEqual(["hello"]);
  });

  it("shows what scheduled functions write", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    const list = watch(client, api.messages.list, general);
    await client.mutation(api.messages.sendLater, { ...general, body: "later", delayMs: 5 });
    expect(await list.until((bodies) => bodies.length > 0)).toEqual(["later"]);
  });

  it("shows what a component of the app writes", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    const count = watch(client, api.messages.count, general);
    await client.mutation(api.messages.send, { ...general, body: "one" });
    expect(await count.until((n) => n > 0)).toBe(1);
  });

  it("shows what an action of a component writes", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    const count = watch(client, api.messages.count, general);
    // So that the next update starts in the action's commit.
    await count.until((n) => n === 0);
    await client.action(api.messages.countByAction, general);
    expect(await count.until((n) => n > 0)).toBe(1);
  });

  it("moves all queries of a client in one transition, at one timestamp", async () => {
    const backend = await startFixture();
    const { client, received } = connectRecorded(backend);
    const list = watch(client, api.messages.list, general);
    const count = watch(client, api.messages.count, general);
    await count.until((n) => n === 0);
    for (const body of ["a", "b", "c"])
      await client.mutation(api.messages.send, { ...general, body });
    await list.until((bodies) => bodies.length === 3);
    await count.until((n) => n === 3);

    const updates = transitions(received).map(({ modifications }) => modifications.length);
    expect(updates.filter((length) => length === 2)).toHaveLength(4);
    expect(updates.filter((length) => length === 1)).toHaveLength(0);
  });

  it("never shows two queries at different moments, however much is written", async () => {
    const backend = await startFixture();
    const { client, received } = connectRecorded(backend);
    const list = watch(client, api.messages.slowList, general);
    const count = watch(client, api.messages.count, general);
    const writers = Array.from({ length: 4 }, () => connectHttp(backend));
    await Promise.all(
      writers.map(async (writer) => {
        for (let n = 0; n < 10; n++)
          await writer.mutation(api.messages.send, { ...general, body: "" });
      }),
    );
    await Promise.all([list.until(({ length }) => length === 40), count.until((n) => n === 40)]);

    const shown = new Map<number, unknown>();
    for (const { modifications } of transitions(received)) {
      for (const modification of modifications) {
        if (modification.type === "QueryUpdated")
          shown.set(modification.queryId, modification.value);
      }
      const [bodies = [], n = 0] = [...shown.values()] as [unknown[]?, number?];
      expect(n).toBe(bodies.length);
    }
  });

  it("starts every transition where the one before ended", async () => {
    const backend = await startFixture();
    const { client, received } = connectRecorded(backend);
    const list = watch(client, api.messages.list, general);
    await Promise.all(
      ["a", "b", "c"].map((body) => client.mutation(api.messages.send, { ...general, body })),
    );
    await list.until((bodies) => bodies.length === 3);

    let version: unknown = { querySet: 0, identity: 0, ts: "AAAAAAAAAAA=" };
    for (const transition of transitions(received)) {
      expect(transition.startVersion).toEqual(version);
      version = transition.endVersion;
    }
  });

  it("does not send a result again that has not changed", async () => {
    const backend = await startFixture();
    const { client, received } = connectRecorded(backend);
    const general_ = watch(client, api.messages.list, general);
    const other = watch(client, api.messages.list, { channel: "other" });
    await Promise.all([general_.until(() => true), other.until(() => true)]);
    const before = transitions(received).length;
    // They read the same table, but only one of them the range that is written to.
    await client.mutation(api.messages.send, { ...general, body: "hello" });

    const sent = transitions(received).slice(before);
    expect(sent.flatMap(({ modifications }) => modifications)).toHaveLength(1);
    expect(backend.faults.calls.get("messages:list")).toBe(3);
  });

  it("does not send an error again that has not changed", async () => {
    const { client, received } = connectRecorded(await startFixture());
    const refused = watch(client, api.values.refuseFiles, {});
    await refused.untilError();
    await client.mutation(api.values.storeFile, { bytes: new ArrayBuffer(1) });
    const sent = transitions(received).flatMap(({ modifications }) => modifications);
    expect(sent).toHaveLength(1);
  });

  it("leaves queries alone that read nothing of what was written", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    await watch(client, api.values.files, {}).until(() => true);
    await client.mutation(api.messages.send, { ...general, body: "hello" });
    expect(backend.faults.calls.get("values:files")).toBe(1);
  });

  it("stops running a query nobody is subscribed to any more", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    const list = watch(client, api.messages.list, general);
    await list.until(() => true);
    list.stop();
    await client.mutation(api.messages.send, { ...general, body: "unseen" });
    expect(backend.faults.calls.get("messages:list")).toBe(1);
  });

  it("keeps the page of a paginated query where it ended", async () => {
    const backend = await startFixture();
    const client = connect(backend);
    for (const body of ["a", "b", "c", "d"]) {
      await client.mutation(api.messages.send, { ...general, body });
    }
    const paginationOpts = { numItems: 2, cursor: null };
    const page = watch(client, api.messages.page, { ...general, paginationOpts });
    const first = await page.until(() => true);
    expect(bodies(first)).toEqual(["a", "b"]);

    // Without the journal the page would fill up with "c", which the next page holds already.
    await client.mutation(api.messages.remove, { body: "a" });
    const second = await page.until((newest) => newest.page.length === 1);
    expect(bodies(second)).toEqual(["b"]);
    expect(second.continueCursor).toBe(first.continueCursor);
  });

  it("splits a transition that is too long for one message", async () => {
    const backend = await startFixture();
    const { client, received } = connectRecorded(backend);
    const count = 3_000_000;
    const smileys = await watch(client, api.values.smileys, { count }).until(() => true);
    expect(smileys === "x" + "😀".repeat(count)).toBe(true);
    expect(received.filter(({ type }) => type === "TransitionChunk").length).toBeGreaterThan(1);
  });
});

function transitions(received: { type: string }[]): Transition[] {
  return received.filter((message): message is Transition => message.type === "Transition");
}

function bodies({ page }: { page: { body: string }[] }): string[] {
  return page.map(({ body }) => body);
}
