import { useSyncStatus } from "convex-replicate/react";
import { seedTasks } from "../seed/seed.js";
import { tasks } from "../store.js";

/** Nothing to show is not the same as nothing there: before the first load is complete, it says so. */
export function EmptyBoard() {
  const { complete, phase } = useSyncStatus(tasks);
  if (!complete) {
    return (
      <div className="empty" data-testid="board-waiting">
        <h2>{phase === "offline" ? "Nothing on this device yet" : "Fetching your tasks"}</h2>
        <p>
          {phase === "offline"
            ? "Tasks appear when you are online. You can already add some."
            : "They stay on this device, so next time the board is there at once."}
        </p>
      </div>
    );
  }
  return (
    <div className="empty" data-testid="board-empty">
      <h2>A clean slate</h2>
      <p>Add the first task to a column, or start with some made-up work to play with.</p>
      <button
        type="button"
        className="button"
        data-testid="empty-seed"
        onClick={() => seedTasks(200)}
      >
        Fill the board
      </button>
    </div>
  );
}
