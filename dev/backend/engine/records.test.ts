import { describe, expect, it } from "vitest";
import { decodeRecords, encodeRecord } from "./records.js";

const records = [{ a: 1 }, ["ä", null], "line\nbreak"];
const text = records.map(encodeRecord).join("");

describe("records", () => {
  it("come back", () => {
    const bytes = Buffer.from(text);
    expect(decodeRecords(bytes, "log")).toEqual({ records, validBytes: bytes.length });
  });

  it("lose only the last one wherever the file is torn", () => {
    const bytes = Buffer.from(text);
    const whole = records.map((_, i) =>
      Buffer.byteLength(
        records
          .slice(0, i + 1)
          .map(encodeRecord)
          .join(""),
      ),
    );
    for (let length = 0; length < bytes.length; length++) {
      const decoded = decodeRecords(bytes.subarray(0, length), "log");
      expect(decoded.records).toEqual(
        records.slice(0, whole.filter((end) => end <= length).length),
      );
    }
  });

  it("are refused when one in the middle is damaged", () => {
    const bytes = Buffer.from(text);
    bytes[12] = bytes[12]! ^ 1;
    expect(() => decodeRecords(bytes, "log-1")).toThrow('"log-1" is damaged at byte 0');
  });
});
