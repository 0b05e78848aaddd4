import { describe, expect, it } from "vitest";
import { memoryStorage } from "../storage/memory.js";
import { pinIdentity, readPin } from "./identity.js";
import { CURRENT_DATA } from "./migrations.js";

const changed = expect.objectContaining({ code: "IDENTITY_CHANGED" });

describe("whose the data is", () => {
  it("is theirs who signs in first, and no one else's", async () => {
    const connection = await memoryStorage().open("a", CURRENT_DATA);
    await connection.transaction("durable", ["meta"], async (tx) => {
      await pinIdentity(tx, null);
      expect(await readPin(tx)).toBeNull();
      for (let n = 0; n < 2; n++) await pinIdentity(tx, "ann");
      expect(await readPin(tx)).toBe("ann");
      const refused = (isStranger: boolean, message: string) => ({
        ...{ code: "IDENTITY_CHANGED", isStranger },
        message: expect.stringContaining(message) as string,
      });
      await expect(pinIdentity(tx, "bob")).rejects.toMatchObject(refused(true, "`identity`"));
      await expect(pinIdentity(tx, null)).rejects.toMatchObject(refused(false, "Sign in again"));
    });
  });

  it.each([{ identyti: "ann" }, { identity: "ann" }, null, 5])(
    "is nobody's where the note of it is damaged: %j",
    async (damaged) => {
      const connection = await memoryStorage().open("a", CURRENT_DATA);
      await connection.transaction("durable", ["meta"], async (tx) => {
        await tx.put("meta", "owner", damaged);
        for (const identity of ["ann", "bob", null]) {
          await expect(pinIdentity(tx, identity)).rejects.toThrow(changed);
        }
        await expect(readPin(tx)).rejects.toThrow(changed);
      });
    },
  );

  it("is known still, where an earlier version noted it", async () => {
    const connection = await memoryStorage().open("a", CURRENT_DATA);
    await connection.transaction("durable", ["meta"], async (tx) => {
      await tx.put("meta", "owner", { identity: "ann" });
      await CURRENT_DATA.upgrade(tx, 2);
      expect(await readPin(tx)).toBe("ann");
    });
  });
});
