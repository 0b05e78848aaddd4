import { memo, useState, type DragEvent } from "react";
import type { Status } from "../../convex/fields.js";
import { isFiltering, type Filter } from "../filter/filter.js";
import { moveTask } from "../task/actions.js";
import { StatusGlyph } from "../task/glyphs.js";
import { TaskCard } from "../task/TaskCard.js";
import { STATUS_NAMES } from "../task/vocabulary.js";
import { cardBelow, carriedTask, carriesTask } from "./drag.js";
import { NewTask } from "./NewTask.js";
import { positionBefore } from "./position.js";
import { useColumn } from "./queries.js";
import { stepTask } from "./steps.js";

/** Cards drawn at first, and more with each "Show more": a long column stays quick to draw. */
const CARDS_PER_PAGE = 60;

interface ColumnProps {
  status: Status;
  filter: Filter;
  /** Tasks in the column before filtering. */
  total: number;
  /** The task whose details are open. */
  openId: string | null;
  onOpen: (id: string) => void;
}

/** Where a dragged card would land: before a card, or at the end of the column. */
type DropPlace = { before: string | null };

export const Column = memo(function Column(props: ColumnProps) {
  const { status, filter, total, openId, onOpen } = props;
  const rows = useColumn(status, filter);
  const [limit, setLimit] = useState(CARDS_PER_PAGE);
  const [drop, setDrop] = useState<DropPlace | null>(null);
  const hidden = rows.length - limit;

  const onDragOver = (event: DragEvent<HTMLElement>) => {
    if (!carriesTask(event)) return;
    event.preventDefault();
    const before = cardBelow(event.currentTarget, event.clientY) ?? rows[limit]?.id ?? null;
    if (drop?.before !== before) setDrop({ before });
  };
  const onDragLeave = (event: DragEvent<HTMLElement>) => {
    if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setDrop(null);
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setDrop(null);
    const id = carriedTask(event);
    if (drop && id && drop.before !== id) {
      moveTask(id, status, positionBefore(rows, drop.before, id));
    }
  };

  return (
    <section
      className="column"
      data-testid={`column-${status}`}
      aria-labelledby={`heading-${status}`}
      data-dropping={drop !== null || undefined}
      onDragOver={onDragOver}
      onDragLeave={onDragLeave}
      onDrop={onDrop}
    >
      <header className="column-head">
        <StatusGlyph status={status} />
        <h2 id={`heading-${status}`}>{STATUS_NAMES[status]}</h2>
        <span className="count" data-testid="column-count">
          {rows.length}
        </span>
        {isFiltering(filter) && <span className="count of">of {total}</span>}
      </header>
      <NewTask status={status} />
      <ul className="cards" onKeyDown={(event) => stepTask(event, rows)}>
        {rows.slice(0, limit).map((task) => (
          <TaskCard
            key={task.id}
            task={task}
            open={task.id === openId}
            dropAbove={drop?.before === task.id}
            onOpen={onOpen}
          />
        ))}
        {hidden > 0 && (
          <li className="more">
            <button
              type="button"
              className="text-button"
              data-testid="show-more"
              onClick={() => setLimit(limit + CARDS_PER_PAGE)}
            >
              Show more <span className="count">{hidden}</span>
            </button>
          </li>
        )}
        {rows.length === 0 && <ColumnNote filtered={isFiltering(filter) && total > 0} />}
      </ul>
    </section>
  );
});

function ColumnNote({ filtered }: { filtered: boolean }) {
  return <li className="note">{filtered ? "Nothing matches the filter" : "Nothing here"}</li>;
}
