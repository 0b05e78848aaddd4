import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { convexToJson, jsonToConvex, type JSONValue, type Value } from "convex/values";
import type { MutationAnswer } from "./protocol/messages.js";
import type { Commit, DocumentWrite } from "./runtime.js";

/** First line of the file. A file of another version is refused, not guessed at. */
const HEADER = JSON.stringify({ format: "convex-replicate dev data", version: 1 });

export interface StoredState {
  commits: Commit[];
  answers: Map<string, MutationAnswer>;
}

/**
 * Keeps everything that was committed in one file of JSON lines: a line per transaction, and a line
 * per mutation that was answered (so that a mutation sent again after a restart still runs once).
 *
 * A line is written before the mutation is answered, so what a client was told survives the end of
 * this process, also a sudden one. It is not synced to the disk each time: a power failure may take
 * the last seconds. Opening rewrites the file to one line of the newest documents.
 */
export class CommitLog {
  #fd: number;
  #open = true;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Opens or creates `file`. Throws when it holds something else. */
  static open(file: string): { log: CommitLog; state: StoredState } {
    const state = collapse(read(file));
    mkdirSync(dirname(file), { recursive: true });
    return { log: new CommitLog(rewrite(file, state)), state };
  }

  appendCommit(commit: Commit): void {
    if (commit.writes.length > 0) this.#append(encodeCommit(commit));
  }

  appendAnswer(key: string, answer: MutationAnswer): void {
    this.#append(encodeAnswer(key, answer));
  }

  close(): void {
    this.#open = false;
    fsyncSync(this.#fd);
    closeSync(this.#fd);
  }

  #append(line: string): void {
    if (this.#open) writeSync(this.#fd, line);
  }
}

type Line =
  | {
      ts: string;
      writes: [component: string, table: string, id: string, document: JSONValue | null][];
    }
  | { key: string; answer: MutationAnswer };

function read(file: string): StoredState {
  const state: StoredState = { commits: [], answers: new Map() };
  const lines = readLines(file);
  if (lines.length > 0 && lines[0] !== HEADER) {
    throw new Error(`"${file}" is not a data file of this version. Move it away to start afresh.`);
  }
  for (const text of lines.slice(1)) {
    const line = JSON.parse(text) as Line;
    if ("key" in line) state.answers.set(line.key, line.answer);
    else state.commits.push(decodeCommit(line));
  }
  return state;
}

/** Complete lines only: the process may have ended in the middle of the last one. */
function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").slice(0, -1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** All commits as one. Deletions stay in it: their ids must not be given out a second time. */
function collapse({ commits, answers }: StoredState): StoredState {
  const last = commits.at(-1);
  if (last === undefined) return { commits, answers };
  const writes = new Map<string, DocumentWrite>();
  for (const write of commits.flatMap((commit) => commit.writes)) {
    writes.set(`${write.component}\n${write.id}`, write);
  }
  return { commits: [{ ts: last.ts, writes: [...writes.values()] }], answers };
}

/** Writes beside the file and moves over it, so that there is always one whole file. */
function rewrite(file: string, { commits, answers }: StoredState): number {
  const fresh = `${file}.new`;
  const fd = openSync(fresh, "w");
  writeSync(fd, `${HEADER}\n`);
  for (const commit of commits) writeSync(fd, encodeCommit(commit));
  for (const [key, answer] of answers) writeSync(fd, encodeAnswer(key, answer));
  fsyncSync(fd);
  renameSync(fresh, file);
  return fd;
}

function encodeCommit({ ts, writes }: Commit): string {
  const line: Line = {
    ts: String(ts),
    writes: writes.map(({ component, table, id, document }) => [
      component,
      table,
      id,
      document && convexToJson(document),
    ]),
  };
  return `${JSON.stringify(line)}\n`;
}

function decodeCommit({ ts, writes }: Extract<Line, { ts: string }>): Commit {
  return {
    ts: BigInt(ts),
    writes: writes.map(([component, table, id, document]) => ({
      component,
      table,
      id,
      document: document === null ? null : (jsonToConvex(document) as Record<string, Value>),
    })),
  };
}

function encodeAnswer(key: string, answer: MutationAnswer): string {
  return `${JSON.stringify({ key, answer } satisfies Line)}\n`;
}
