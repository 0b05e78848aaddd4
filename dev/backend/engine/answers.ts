import { convexToJson, jsonToConvex, type JSONValue, type Value } from "convex/values";
import type { MutationRun } from "../runtime.js";
import { resolveCommitTs } from "./document.js";
import type { CommitNote } from "./commit.js";

/** Enough for a long day of development; Convex keeps them for two weeks. */
const MAX_ANSWERS = 20_000;

interface Answer {
  value: JSONValue;
  ts: string;
}

/** What a mutation's commit says to whoever sends the same request again. */
export function answerNote(key: string): (value: Value) => CommitNote {
  return (value) => (ts) => {
    const answer: Answer = { value: convexToJson(resolveCommitTs(value, ts)), ts: String(ts) };
    return { key, answer: JSON.stringify(answer) };
  };
}

/** The answers to mutations that committed, kept with their commits: exactly once, also after a crash. */
export class Answers {
  #answers = new Map<string, string>();

  find(key: string): MutationRun | null {
    const answer = this.#answers.get(key);
    if (answer === undefined) return null;
    const { value, ts } = JSON.parse(answer) as Answer;
    return { outcome: { type: "value", value: jsonToConvex(value) }, ts: BigInt(ts) };
  }

  keep({ key, answer }: { key: string; answer: string }): void {
    this.#answers.set(key, answer);
    if (this.#answers.size <= MAX_ANSWERS) return;
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined) this.#answers.delete(oldest);
  }

  all(): [key: string, answer: string][] {
    return [...this.#answers];
  }
}
