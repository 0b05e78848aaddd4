import { useState, type KeyboardEvent } from "react";
import { editTask } from "./actions.js";

interface TaskTitleProps {
  id: string;
  title: string;
  /** Told while the title is being edited, so that the card around it can stop being draggable. */
  onEditing: (editing: boolean) => void;
}

/** A title that becomes an input when it is clicked: Enter and leaving keep the text, Escape does not. */
export function TaskTitle({ id, title, onEditing }: TaskTitleProps) {
  const [draft, setDraft] = useState<string | null>(null);

  const edit = (text: string | null) => {
    setDraft(text);
    onEditing(text !== null);
  };
  const keep = () => {
    const text = draft?.trim();
    if (text && text !== title) editTask(id, (task) => void (task.title = text));
    edit(null);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter") {
      event.preventDefault();
      keep();
    } else if (event.key === "Escape") edit(null);
  };

  if (draft === null) {
    return (
      <button
        type="button"
        className="task-title"
        data-testid="task-title"
        title="Click to edit"
        onClick={() => edit(title)}
      >
        {title}
      </button>
    );
  }
  return (
    <textarea
      className="task-title editing"
      data-testid="task-title-input"
      aria-label="Title"
      rows={1}
      autoFocus
      value={draft}
      onFocus={(event) => event.target.select()}
      onChange={(event) => setDraft(event.target.value.replace(/\n/g, " "))}
      onBlur={keep}
      onKeyDown={onKeyDown}
    />
  );
}
