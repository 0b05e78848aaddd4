import {
  createPacedMutations,
  debounceStrategy,
  queueStrategy,
  throttleStrategy,
} from "@tanstack/db";
import { describe, expect, it } from "vitest";
import { converged, eventually, task, twoDevices, type Device } from "./setup.js";

const WAIT_MS = 20;

const strategies = {
  debounce: () => debounceStrategy({ wait: WAIT_MS }),
  "debounce, with a leading call": () => debounceStrategy({ wait: WAIT_MS, leading: true }),
  throttle: () => throttleStrategy({ wait: WAIT_MS, leading: true, trailing: true }),
  queue: () => queueStrategy({ wait: 1 }),
};

const pacedVotes = ({ tasks, utils }: Device, strategy: keyof typeof strategies) => {
  let calls = 0;
  const vote = createPacedMutations<string>({
    onMutate: (id) => void tasks.update(id, (draft) => void (draft.votes += 1)),
    mutationFn: async ({ transaction }) => {
      calls += 1;
      utils.acceptMutations(transaction);
    },
    strategy: strategies[strategy](),
  });
  return { vote, calls: () => calls };
};

describe.each(Object.keys(strategies) as (keyof typeof strategies)[])(
  "paced mutations by %s",
  (strategy) => {
    it("show every step at once, and end as the last one says, everywhere", async () => {
      const { a, b } = await twoDevices();
      a.tasks.insert(task("t1"));
      await converged(a, b);
      const { vote, calls } = pacedVotes(a, strategy);
      for (let clicks = 1; clicks <= 10; clicks++) {
        vote("t1")
          .when("settled")
          .catch(() => undefined); // a dropped call says so
        expect(a.tasks.get("t1")!.votes).toBe(clicks);
      }
      await eventually(() => expect(b.tasks.get("t1")!.votes).toBe(10));
      expect(await converged(a, b)).toEqual([task("t1", { votes: 10 })]);
      expect(calls()).toBeGreaterThan(0);
    });

    it("keep what others write meanwhile", async () => {
      const { a, b } = await twoDevices();
      a.tasks.insert([task("t1"), task("t2")]);
      await converged(a, b);
      const { vote } = pacedVotes(a, strategy);
      for (let clicks = 0; clicks < 3; clicks++) {
        vote("t1")
          .when("settled")
          .catch(() => undefined);
        b.tasks.update("t1", (draft) => void (draft.title = `from b ${clicks}`));
        b.tasks.update("t2", (draft) => void (draft.votes += 1));
      }
      await eventually(() => expect(b.tasks.get("t1")!.votes).toBe(3));
      expect(await converged(a, b)).toEqual([
        task("t1", { title: "from b 2", votes: 3 }),
        task("t2", { votes: 3 }),
      ]);
    });
  },
);
