import type { Priority, Status } from "../../convex/fields.js";

export const STATUSES: readonly Status[] = ["todo", "doing", "done"];

export const STATUS_NAMES: Record<Status, string> = {
  todo: "To do",
  doing: "Doing",
  done: "Done",
};

/** Most pressing first. */
export const PRIORITIES: readonly Priority[] = ["urgent", "high", "medium", "low", "none"];

export const PRIORITY_NAMES: Record<Priority, string> = {
  urgent: "Urgent",
  high: "High",
  medium: "Medium",
  low: "Low",
  none: "No priority",
};

/** The labels this board offers, each with the hue of its dot in degrees. */
export const LABEL_HUES: Record<string, number> = {
  bug: 25,
  design: 320,
  docs: 230,
  infra: 150,
  mobile: 285,
  performance: 65,
  research: 190,
};

export const LABELS = Object.keys(LABEL_HUES);
