import { useEffect, useRef, type ReactNode } from "react";
import type { Priority, Status, Task } from "../../convex/fields.js";
import { useTask } from "../board/queries.js";
import { Icon } from "../ui/Icon.js";
import { useDraft } from "../ui/useDraft.js";
import { editTask, moveTask, removeTasks, setDetail } from "./actions.js";
import { LabelDot } from "./glyphs.js";
import { VoteButton } from "./VoteButton.js";
import { LABELS, PRIORITIES, PRIORITY_NAMES, STATUSES, STATUS_NAMES } from "./vocabulary.js";

interface TaskPanelProps {
  id: string;
  onClose: () => void;
}

/** All of one task, beside the board. Every field is written on its own, so two people can work here at once. */
export function TaskPanel({ id, onClose }: TaskPanelProps) {
  const task = useTask(id);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.focus(), []);
  return (
    <aside
      ref={panel}
      className="panel"
      data-testid="task-panel"
      aria-label="Task details"
      tabIndex={-1}
      onKeyDown={(event) => event.key === "Escape" && onClose()}
    >
      <header className="panel-head">
        {task && (
          <button
            type="button"
            className="text-button danger"
            data-testid="panel-delete"
            onClick={() => {
              onClose();
              removeTasks([task]);
            }}
          >
            Delete
          </button>
        )}
        <button
          type="button"
          className="icon-button"
          aria-label="Close"
          data-testid="panel-close"
          onClick={onClose}
        >
          <Icon name="close" />
        </button>
      </header>
      {task ? <TaskForm task={task} /> : <p className="note">This task has been deleted.</p>}
    </aside>
  );
}

function TaskForm({ task }: { task: Task }) {
  const { id, details } = task;
  const title = useDraft(task.title, (text) => {
    if (text.trim()) editTask(id, (draft) => void (draft.title = text.trim()));
  });
  const assignee = useDraft(details.assignee ?? "", (text) =>
    setDetail(id, "assignee", text.trim()),
  );
  const notes = useDraft(details.notes, (text) =>
    editTask(id, (draft) => void (draft.details.notes = text)),
  );
  return (
    <div className="panel-body">
      <textarea
        className="panel-title"
        aria-label="Title"
        data-testid="panel-title"
        rows={1}
        {...title}
      />
      <TaskFacts task={task} />
      <Field label="Assignee">
        <input data-testid="panel-assignee" placeholder="Nobody yet" {...assignee} />
      </Field>
      <Field label="Due">
        <input
          type="date"
          data-testid="panel-due"
          value={details.due ?? ""}
          onChange={(event) => setDetail(id, "due", event.target.value)}
        />
      </Field>
      <LabelPicker task={task} />
      <label className="notes">
        <span>Notes</span>
        <textarea data-testid="panel-notes" placeholder="Add notes" rows={6} {...notes} />
      </label>
      <p className="panel-foot">
        Created{" "}
        {new Date(task.createdAt).toLocaleString(undefined, {
          dateStyle: "medium",
          timeStyle: "short",
        })}
      </p>
    </div>
  );
}

function TaskFacts({ task }: { task: Task }) {
  return (
    <>
      <Field label="Status">
        <select
          data-testid="panel-status"
          value={task.status}
          onChange={(event) => moveTask(task.id, event.target.value as Status)}
        >
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {STATUS_NAMES[status]}
            </option>
          ))}
        </select>
      </Field>
      <Field label="Priority">
        <select
          data-testid="panel-priority"
          value={task.priority}
          onChange={(event) => {
            const priority = event.target.value as Priority;
            editTask(task.id, (draft) => void (draft.priority = priority));
          }}
        >
          {PRIORITIES.map((priority) => (
            <option key={priority} value={priority}>
              {PRIORITY_NAMES[priority]}
            </option>
          ))}
        </select>
      </Field>
      <div className="field">
        <span>Votes</span>
        <VoteButton id={task.id} votes={task.votes} />
      </div>
    </>
  );
}

function LabelPicker({ task }: { task: Task }) {
  const toggle = (label: string) =>
    editTask(task.id, (draft) => {
      const { labels } = draft;
      draft.labels = labels.includes(label)
        ? labels.filter((other) => other !== label)
        : [...labels, label];
    });
  return (
    <div className="field top" role="group" aria-label="Labels">
      <span>Labels</span>
      <div className="label-picker">
        {LABELS.map((label) => (
          <button
            key={label}
            type="button"
            className="chip"
            aria-pressed={task.labels.includes(label)}
            onClick={() => toggle(label)}
          >
            <LabelDot label={label} /> {label}
          </button>
        ))}
      </div>
    </div>
  );
}

function Field({ label, children }: { label: string; children: ReactNode }) {
  return (
    <label className="field">
      <span>{label}</span>
      {children}
    </label>
  );
}
