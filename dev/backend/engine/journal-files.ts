import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** The files of a data folder: `log-7` holds what came after `snapshot-7`. */
const FILE = /^(log|snapshot)-(\d+)$/;

/** A snapshot that is being written, or that a killed process left. */
export const UNFINISHED = ".part";

export interface DataFiles {
  /** The newest complete snapshot; 0 stands for "none yet, begin with an empty database". */
  snapshot: number;
  /** Logs to replay, oldest first. */
  logs: number[];
}

export function logPath(folder: string, generation: number): string {
  return join(folder, `log-${generation}`);
}

export function snapshotPath(folder: string, generation: number): string {
  return join(folder, `snapshot-${generation}`);
}

/** Creates the folder. Refuses one that holds something else. */
export function readDataFolder(folder: string): DataFiles {
  mkdirSync(folder, { recursive: true });
  const generations: Record<string, number[]> = { log: [], snapshot: [] };
  for (const name of readdirSync(folder)) {
    const match = FILE.exec(name);
    if (match !== null) generations[match[1]!]!.push(Number(match[2]));
    else if (!name.endsWith(UNFINISHED)) {
      throw new Error(
        `"${folder}" holds "${name}": it is not a data folder. Choose another one, or an empty one.`,
      );
    }
  }
  const snapshot = Math.max(0, ...generations.snapshot!);
  const logs = generations.log!.filter((log) => log >= snapshot).sort((a, b) => a - b);
  return { snapshot, logs };
}

/** Removes what `snapshot` made superfluous. */
export function removeBefore(folder: string, snapshot: number): void {
  for (const name of readdirSync(folder)) {
    const match = FILE.exec(name);
    if (match !== null && Number(match[2]) < snapshot) rmSync(join(folder, name));
  }
}

/** Makes renamed and created files durable: their names are the folder's data. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
