import { memo, useState, type DragEvent, type MouseEvent } from "react";
import type { Task } from "../../convex/fields.js";
import { carryTask } from "../board/drag.js";
import { Icon } from "../ui/Icon.js";
import { toggleDone } from "./actions.js";
import { describeDue } from "./due.js";
import { Avatar, LabelDot, PriorityGlyph, StatusGlyph } from "./glyphs.js";
import { TaskMenu } from "./TaskMenu.js";
import { TaskTitle } from "./TaskTitle.js";
import { VoteButton } from "./VoteButton.js";
import { PRIORITY_NAMES } from "./vocabulary.js";

export interface TaskCardProps {
  task: Task;
  open: boolean;
  /** Draws the line that says a dragged card will land above this one. */
  dropAbove: boolean;
  onOpen: (id: string) => void;
}

/** Memoised: a live query hands back the same row for a task that has not changed. */
export const TaskCard = memo(function TaskCard(props: TaskCardProps) {
  const { task, open, dropAbove, onOpen } = props;
  const [editing, setEditing] = useState(false);
  const done = task.status === "done";

  const onClick = (event: MouseEvent) => {
    const onControl = (event.target as Element).closest("button, textarea, [popover]");
    if (!onControl) onOpen(task.id);
  };

  return (
    <li
      className="card"
      data-testid="task"
      data-id={task.id}
      data-status={task.status}
      data-open={open || undefined}
      data-drop={dropAbove || undefined}
      draggable={!editing}
      onDragStart={(event: DragEvent) => carryTask(event, task.id)}
      onClick={onClick}
    >
      <div className="card-head">
        <button
          type="button"
          className="status-button"
          data-testid="task-done"
          aria-label={done ? "Reopen" : "Mark as done"}
          aria-pressed={done}
          onClick={() => toggleDone(task)}
        >
          <StatusGlyph status={task.status} />
        </button>
        <TaskTitle id={task.id} title={task.title} onEditing={setEditing} />
        <TaskMenu task={task} onOpen={onOpen} />
      </div>
      <CardFacts task={task} />
    </li>
  );
});

/** The line under the title. */
function CardFacts({ task }: { task: Task }) {
  const { assignee, due } = task.details;
  return (
    <div className="facts">
      {task.priority !== "none" && (
        <span className="fact" title={`Priority: ${PRIORITY_NAMES[task.priority]}`}>
          <PriorityGlyph priority={task.priority} />
          <span className="visually-hidden">{PRIORITY_NAMES[task.priority]} priority</span>
        </span>
      )}
      {task.labels.map((label) => (
        <span key={label} className="fact">
          <LabelDot label={label} /> {label}
        </span>
      ))}
      {due && <Due due={due} done={task.status === "done"} />}
      <span className="facts-end">
        {assignee && <Avatar name={assignee} />}
        <VoteButton id={task.id} votes={task.votes} />
      </span>
    </div>
  );
}

function Due({ due, done }: { due: string; done: boolean }) {
  const { text, overdue } = describeDue(due, new Date());
  return (
    <span className="fact" data-overdue={(overdue && !done) || undefined}>
      <Icon name="calendar" />
      <span className="visually-hidden">Due</span> {text}
    </span>
  );
}
