import { crc32 } from "node:zlib";

/**
 * Records are lines: a checksum of the rest in hexadecimal, a space, and JSON. A process that is
 * killed leaves the last line unfinished; nobody was told of what it held.
 */
const CHECKSUM_LENGTH = 8;

export function encodeRecord(record: unknown): string {
  const json = JSON.stringify(record);
  return `${checksum(json)} ${json}\n`;
}

export interface DecodedRecords {
  records: unknown[];
  /** How many bytes hold whole records. */
  validBytes: number;
}

/** Throws when something other than the end of the text is damaged. */
export function decodeRecords(bytes: Buffer, file: string): DecodedRecords {
  const records: unknown[] = [];
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0) return { records, validBytes: start };
    const line = bytes.toString("utf8", start, end);
    const json = line.slice(CHECKSUM_LENGTH + 1);
    if (line.slice(0, CHECKSUM_LENGTH) !== checksum(json)) {
      if (bytes.indexOf(0x0a, end + 1) < 0) return { records, validBytes: start };
      throw new Error(`"${file}" is damaged at byte ${start}. Restore it, or move it away.`);
    }
    records.push(JSON.parse(json));
    start = end + 1;
  }
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(CHECKSUM_LENGTH, "0");
}
