import { describe, expect, it } from "vitest";
import { PROTOCOL_VERSION } from "../../shared/versions.js";
import type { Protocol } from "../../shared/wire.js";
import { quiet, SECOND } from "../setup.test.js";
import { page, setUp } from "./pull-setup.test.js";

describe("set-ups that cannot sync", () => {
  it.each<[string, Protocol, string, RegExp]>([
    [
      "an older server",
      { version: 0, fields: "ours", identity: null },
      "PROTOCOL_MISMATCH",
      /on the server/,
    ],
    [
      "an older client",
      { version: 9, fields: "ours", identity: null },
      "PROTOCOL_MISMATCH",
      /on the client/,
    ],
    [
      "other fields",
      { version: PROTOCOL_VERSION, fields: "theirs", identity: null },
      "FIELDS_MISMATCH",
      /theirs.*ours/,
    ],
  ])("are reported, and nothing else is asked: %s", async (_name, answer, code, message) => {
    const { time, host, server, puller } = setUp();
    server.protocolAnswer = async () => answer;
    puller.start();
    await quiet();
    expect(host.state.pullReason).toEqual({
      code,
      message: expect.stringMatching(message),
      blocks: true,
    });
    expect([host.beginnings, server.calls.stream, server.subscriptions]).toEqual([[], [], []]);
    server.protocolAnswer = async () => ({
      version: PROTOCOL_VERSION,
      fields: "ours",
      identity: null,
    });
    server.pages.set(null, page([], "c0"));
    await time.advance(60 * SECOND);
    expect(host.state.pullReason).toBeNull();
    expect(host.beginnings).toHaveLength(1);
  });
});
