import { useSyncStatus } from "convex-replicate/react";
import { tasks } from "../store.js";

/** The first load, along the top of the window. */
export function LoadingBar() {
  const { progress } = useSyncStatus(tasks);
  if (progress === null) return null;
  return (
    <progress
      className="loading-bar"
      data-testid="loading-bar"
      aria-label={`Loading tasks, ${progress.documents} so far`}
      value={progress.fraction}
      max={1}
    />
  );
}
