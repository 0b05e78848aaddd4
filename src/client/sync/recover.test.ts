import { ConvexError } from "convex/values";
import { describe, expect, it } from "vitest";
import { ReplicateError } from "../../shared/errors.js";
import type { Held } from "../../shared/wire.js";
import { recoverAll } from "./recover.js";

const names = (count: number) => Array.from({ length: count }, (_, index) => `d${index}`);

/** Recovers some documents from a server that fails at each call that names one of `bad`. */
async function recover(documents: string[], bad: string[], error: Error = new Error("too much")) {
  const calls: string[][] = [];
  const held = async (some: readonly string[]) =>
    some.map((document) => ({ document, generation: 0, stateVector: new ArrayBuffer(1) }));
  const ask = async (some: Held[]) => {
    const asked = some.map(({ document }) => document);
    calls.push(asked);
    if (asked.some((document) => bad.includes(document))) throw error;
    const update = new ArrayBuffer(2);
    const answers = asked.map((document) => ({ document, generation: 1, live: true, update }));
    return { documents: answers, identity: null };
  };
  const { signal } = new AbortController();
  const { recovered, failed } = await recoverAll(documents, { held, ask }, signal);
  return {
    calls,
    failed: [...failed.keys()],
    recovered: recovered.map(({ document }) => document),
  };
}

describe("a call that fails", () => {
  it("is made again for each of its documents alone, and blames the one that fails again", async () => {
    const { calls, failed, recovered } = await recover(names(40), ["d3"]);
    expect(failed).toEqual(["d3"]);
    const others = names(40).filter((one) => one !== "d3");
    expect(new Set(recovered)).toEqual(new Set(others));
    expect(calls.slice(0, 2).map(({ length }) => length)).toEqual([32, 8]);
    expect(calls.slice(2)).toEqual(names(32).map((document) => [document]));
  });

  it("blames a document that was asked for alone at once", async () => {
    expect(await recover(["a"], ["a"])).toEqual({ calls: [["a"]], failed: ["a"], recovered: [] });
  });

  it("blames those of which the server does not understand what is here", async () => {
    const error = new ConvexError({ code: "INVALID_RECOVER", message: "No state vector." });
    expect((await recover(["a", "b"], ["a"], error)).failed).toEqual(["a"]);
  });

  it.each<[string, Error]>([
    ["there was no answer", new ReplicateError("UNREACHABLE", "late")],
    ["it was for someone else", new ReplicateError("IDENTITY_CHANGED", "Not yours.")],
    ["nobody may read", new ConvexError({ code: "FORBIDDEN", message: "No." })],
  ])("blames no document when %s", async (_why, error) => {
    await expect(recover(["a", "b"], ["a"], error)).rejects.toBe(error);
  });
});
