import { useState, type FormEvent } from "react";
import type { Status } from "../../convex/fields.js";
import { addTask } from "../task/actions.js";
import { STATUS_NAMES } from "../task/vocabulary.js";
import { Icon } from "../ui/Icon.js";

/** Enter adds the task to the top of its column and leaves the input ready for the next one. */
export function NewTask({ status }: { status: Status }) {
  const [title, setTitle] = useState("");
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const text = title.trim();
    if (!text) return;
    addTask(status, text);
    setTitle("");
  };
  return (
    <form className="new-task" onSubmit={onSubmit}>
      <Icon name="plus" />
      <input
        data-testid={`new-task-${status}`}
        aria-label={`Add a task to ${STATUS_NAMES[status]}`}
        placeholder="Add a task"
        enterKeyHint="done"
        value={title}
        onChange={(event) => setTitle(event.target.value)}
      />
    </form>
  );
}
