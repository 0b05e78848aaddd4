import type { Task } from "../../convex/fields.js";
import { Icon } from "../ui/Icon.js";
import { Menu, type MenuItem } from "../ui/Menu.js";
import { editTask, moveTask, removeTasks } from "./actions.js";
import { PRIORITIES, PRIORITY_NAMES, STATUSES, STATUS_NAMES } from "./vocabulary.js";
import { PriorityGlyph, StatusGlyph } from "./glyphs.js";

/** What can be done with a task without opening it. */
export function TaskMenu({ task, onOpen }: { task: Task; onOpen: (id: string) => void }) {
  const groups = (): MenuItem[][] => [
    [{ label: "Open details", testId: "task-open", onSelect: () => onOpen(task.id) }],
    STATUSES.filter((status) => status !== task.status).map((status) => ({
      label: (
        <>
          <StatusGlyph status={status} /> Move to {STATUS_NAMES[status]}
        </>
      ),
      testId: `move-${status}`,
      onSelect: () => moveTask(task.id, status),
    })),
    PRIORITIES.filter((priority) => priority !== task.priority).map((priority) => ({
      label: (
        <>
          <PriorityGlyph priority={priority} /> {PRIORITY_NAMES[priority]}
        </>
      ),
      onSelect: () => editTask(task.id, (draft) => void (draft.priority = priority)),
    })),
    [
      {
        label: "Delete",
        danger: true,
        testId: "task-delete",
        onSelect: () => removeTasks([task]),
      },
    ],
  ];
  return (
    <Menu
      label={`Actions for ${task.title}`}
      icon={<Icon name="more" />}
      className="icon-button small task-menu"
      testId="task-menu"
      groups={groups}
    />
  );
}
