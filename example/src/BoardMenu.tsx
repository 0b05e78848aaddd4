import type { Status } from "../convex/fields.js";
import { seedTasks } from "./seed/seed.js";
import { removeAllDone } from "./task/actions.js";
import { Icon } from "./ui/Icon.js";
import { Menu } from "./ui/Menu.js";

/** What concerns the whole board. */
export function BoardMenu({ totals }: { totals: Record<Status, number> }) {
  return (
    <Menu
      label="Board menu"
      icon={<Icon name="more" />}
      className="icon-button"
      testId="board-menu"
      groups={() => [
        [
          { label: "Seed 200 tasks", testId: "seed-200", onSelect: () => seedTasks(200) },
          { label: "Seed 1,000 tasks", testId: "seed-1000", onSelect: () => seedTasks(1_000) },
          { label: "Seed 10,000 tasks", testId: "seed-10000", onSelect: () => seedTasks(10_000) },
        ],
        [
          {
            label: "Remove all done",
            hint: String(totals.done),
            danger: true,
            disabled: totals.done === 0,
            testId: "remove-done",
            onSelect: removeAllDone,
          },
        ],
      ]}
    />
  );
}
