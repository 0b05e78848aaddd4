import { ReplicateError } from "../shared/errors.js";

/**
 * When the log of a document is compacted: its oldest entries become one snapshot without what nobody
 * can see any more. It happens in the push that finds the log long. Nothing is lost by it, for any
 * client, however long it was away.
 */
export type CompactionOptions = {
  /** … once so many entries follow the first one. Default 32; 1 to 500. */
  entries?: number;
  /** … or so many bytes, and at least as many as the first one has. Default 64 KiB; up to 2 MiB. */
  bytes?: number;
  /**
   * From which age, in ms, entries may be compacted. Younger ones only once enough others follow
   * them, so that clients that keep up are not sent them again. Default 5 minutes; up to a day.
   */
  minAgeMs?: number;
};

export type Compaction = Required<CompactionOptions>;

const DEFAULTS: Compaction = { entries: 32, bytes: 64 * 1024, minAgeMs: 5 * 60_000 };

const RANGES: { [name in keyof Compaction]: [min: number, max: number] } = {
  entries: [1, 500],
  bytes: [1, 2 * 1024 * 1024],
  minAgeMs: [0, 24 * 60 * 60_000],
};

/** @throws {ReplicateError} `INVALID_OPTIONS` */
export function compactionFrom(options: CompactionOptions = {}): Compaction {
  for (const [name, value] of Object.entries(options)) {
    const [min, max] = RANGES[name as keyof Compaction] ?? [NaN, NaN];
    if (Number.isNaN(min)) {
      throw invalid(
        `\`compaction\` has no option \`${name}\`. Options: ${Object.keys(RANGES).join(", ")}.`,
      );
    }
    if (value !== undefined && !(Number.isInteger(value) && min <= value && value <= max)) {
      throw invalid(
        `\`compaction.${name}\` must be a whole number from ${min} to ${max}, but is ${value}.`,
      );
    }
  }
  const { entries, bytes, minAgeMs } = options;
  return {
    entries: entries ?? DEFAULTS.entries,
    bytes: bytes ?? DEFAULTS.bytes,
    minAgeMs: minAgeMs ?? DEFAULTS.minAgeMs,
  };
}

function invalid(message: string): ReplicateError {
  return new ReplicateError("INVALID_OPTIONS", message);
}
