import { useDeferredValue } from "react";
import type { Status } from "../../convex/fields.js";
import type { Filter } from "../filter/filter.js";
import { STATUSES } from "../task/vocabulary.js";
import { Column } from "./Column.js";

interface BoardProps {
  filter: Filter;
  totals: Record<Status, number>;
  openId: string | null;
  onOpen: (id: string) => void;
}

export function Board({ filter, totals, openId, onOpen }: BoardProps) {
  // Typing in the search field stays smooth: the columns follow when there is time.
  const settledFilter = useDeferredValue(filter);
  return (
    <div className="board">
      {STATUSES.map((status) => (
        <Column
          key={status}
          status={status}
          filter={settledFilter}
          total={totals[status]}
          openId={openId}
          onOpen={onOpen}
        />
      ))}
    </div>
  );
}
