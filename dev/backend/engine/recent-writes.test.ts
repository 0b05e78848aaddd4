// @vitest-environment node
import { expect, it } from "vitest";
import { EngineCommit } from "./commit.js";
import { seededRandom } from "./interleaving.js";
import { ReadIntervals } from "./read-intervals.js";
import { RecentWrites } from "./recent-writes.js";

const INDEXES = ["app:tasks.by_id", "app:tasks.by_done", "replicate:updates.by_id"];
const KEYS = "abcdefghijklmnop";
const STEPS = 3000;

function commitOf(ts: bigint, keys: Record<string, string[]>): EngineCommit {
  return new EngineCommit(ts, [], new Map(Object.entries(keys)), null);
}

function readsOf(index: string, from: string, to: string): ReadIntervals {
  const reads = new ReadIntervals();
  reads.add(index, { from, to });
  return reads;
}

it("finds the table of a key that was written in a range since", () => {
  const recent = new RecentWrites();
  recent.add(commitOf(10n, { "app:tasks.by_done": ["c"] }));
  const table = (from: string, to: string, since: bigint) =>
    recent.tableTouched(readsOf("app:tasks.by_done", from, to), since);
  expect(table("a", "d", 9n)).toBe("tasks");
  expect(table("c", "d", 9n)).toBe("tasks");
  expect(table("a", "c", 9n)).toBeNull();
  expect(table("a", "d", 10n)).toBeNull();
  expect(recent.tableTouched(readsOf("app:tasks.by_id", "a", "d"), 9n)).toBeNull();
});

it("says what a look at every commit says, whatever is forgotten meanwhile", () => {
  const random = seededRandom(11);
  const int = (end: number) => Math.floor(random() * end);
  const pick = (from: string | readonly string[]) => from[int(from.length)]!;
  const recent = new RecentWrites();
  let commits: EngineCommit[] = [];
  let ts = 0n;
  let forgotten = 0n;
  const answers = { touched: 0, untouched: 0 };
  for (let step = 0; step < STEPS; step++) {
    const what = random();
    if (what < 0.4) {
      const keys = { [pick(INDEXES)]: [pick(KEYS)], [pick(INDEXES)]: [pick(KEYS), pick(KEYS)] };
      const commit = commitOf((ts += BigInt(1 + int(3))), keys);
      commits.push(commit);
      recent.add(commit);
    } else if (what < 0.5 && commits.length > 0) {
      forgotten = commits[int(commits.length)]!.ts;
      recent.forgetUntil(forgotten);
      commits = commits.filter((commit) => commit.ts > forgotten);
    } else {
      const reads = new ReadIntervals();
      for (let i = int(4); i >= 0; i--) {
        reads.add(pick(INDEXES), { from: pick(KEYS), to: pick(KEYS) });
      }
      // Nobody runs on a snapshot from before what was forgotten.
      const since = forgotten + BigInt(int(Number(ts - forgotten) + 1));
      const isTouched = commits.some((commit) => commit.ts > since && reads.isTouchedBy(commit));
      expect(recent.tableTouched(reads, since) !== null, `step ${step}`).toBe(isTouched);
      answers[isTouched ? "touched" : "untouched"] += 1;
    }
  }
  expect(Math.min(answers.touched, answers.untouched)).toBeGreaterThan(STEPS / 20);
});
