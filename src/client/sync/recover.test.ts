import { expect, it } from "vitest";
import type { Recovered } from "../../shared/wire.js";
import { recoverAll } from "./recover.js";

const UPDATE = new ArrayBuffer(2);

/** What is made of the server's answer about a document of which generation 2 is here. */
async function recovered(answer: Omit<Recovered, "document">) {
  const held = async ([document]: readonly string[]) => [
    { document: document!, generation: 2, stateVector: new ArrayBuffer(1) },
  ];
  const ask = async () => ({ documents: [{ document: "a", ...answer }], identity: null });
  const [only] = await recoverAll(["a"], { held, ask }, new AbortController().signal);
  return only!.isWhole;
}

it("tells what can only be added to what was here from what stands on its own", async () => {
  expect(await recovered({ generation: 2, live: true, update: UPDATE })).toBe(false);
  expect(await recovered({ generation: 3, live: true, update: UPDATE })).toBe(true);
  expect(await recovered({ generation: 2, live: false, update: null })).toBe(true);
});
