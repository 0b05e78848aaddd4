import { useConvexConnectionState, useQuery } from "convex/react";
import { api } from "../../convex/_generated/api.js";

/** What a plain Convex query counts in the table: synced tasks are ordinary rows of the app's own. */
export function ServerCount() {
  const counts = useQuery(api.tasks.counts);
  const { isWebSocketConnected } = useConvexConnectionState();
  if (!counts) return null;
  const { todo, doing, done, limit } = counts;
  const atLeast = Math.max(todo, doing) >= limit ? "+" : "";
  return (
    <span
      className="server-count"
      data-testid="server-count"
      title={`Counted by a Convex query: ${todo} to do, ${doing} doing, ${done} done`}
    >
      {isWebSocketConnected ? "On the server" : "Last seen on the server"}: {todo + doing}
      {atLeast} open
    </span>
  );
}
