import type { Task } from "../../convex/fields.js";
import { isoDay } from "../task/due.js";
import { random } from "./random.js";

/** Work that a team of eight could have on its board; each label brings its own kind of work. */
const WORK: Record<string, string[]> = {
  bug: ["Fix", "Investigate", "Reproduce", "Write a regression test for"],
  design: ["Redesign", "Polish", "Draw the empty state of", "Agree on the wording of"],
  docs: ["Document", "Write a guide to", "Record a short demo of"],
  infra: ["Add monitoring to", "Move the jobs behind", "Set alerts for", "Clean up"],
  mobile: ["Bring to the phone app:", "Test on small screens:", "Reduce the taps in"],
  performance: ["Speed up", "Profile", "Measure", "Cache the results of"],
  research: ["Interview five customers about", "Compare options for", "Prototype"],
};

const THINGS = [
  "CSV import",
  "invoice totals",
  "the password reset email",
  "search ranking",
  "the onboarding checklist",
  "image uploads",
  "webhook retries",
  "the billing page",
  "calendar invites",
  "keyboard shortcuts",
  "push notifications",
  "rate limits",
  "the audit log",
  "session expiry",
  "the settings screen",
  "PDF export",
  "the weekly digest",
  "time zone handling",
  "role permissions",
  "the activity feed",
  "two-factor sign-in",
  "saved filters",
  "comment threads",
  "the public API",
];

const CIRCUMSTANCES = [
  "for large teams",
  "on slow networks",
  "before the spring launch",
  "in the admin app",
  "on Safari",
  "with a screen reader",
  "for the Nordic pilot",
  "when a trial ends",
  "under heavy load",
  "after the rename",
];

const PEOPLE = [
  "Mira Okafor",
  "Jonas Lindqvist",
  "Ines Duarte",
  "Kenji Watanabe",
  "Priya Raman",
  "Tomás Herrera",
  "Lena Vogt",
  "Samir Haddad",
];

const REMARKS = [
  "Came up twice in support this week.",
  "Keep the first version small; we can widen it once people use it.",
  "See the thread with the Lisbon office for background.",
  "Blocked until the new keys have been rolled out.",
  "The old behaviour is still in the archive branch if we need to compare.",
  "Agreed in planning: ship behind a flag, then to everyone after a week.",
  "Numbers first, opinions later.",
];

const LABEL_NAMES = Object.keys(WORK);
const HOUR_MS = 60 * 60 * 1000;

/** The task number `index` of an endless backlog, the same at every call apart from its id and dates. */
export function seedTask(index: number, now: Date): Task {
  const { pick, chance, below } = random(index + 1);
  const label = pick(LABEL_NAMES);
  const circumstance = chance(0.45) ? ` ${pick(CIRCUMSTANCES)}` : "";
  const status = chance(0.5) ? "todo" : chance(0.4) ? "doing" : "done";
  const assignee = chance(status === "todo" ? 0.4 : 0.9) ? pick(PEOPLE) : null;
  const due = chance(0.35) ? isoDay(now, below(40) - 8) : null;
  return {
    id: crypto.randomUUID(),
    title: `${pick(WORK[label] ?? [])} ${pick(THINGS)}${circumstance}`,
    status,
    priority: pick(["none", "none", "low", "medium", "medium", "high", "urgent"]),
    votes: Math.floor(below(60) * below(100) * 0.01),
    labels: chance(0.8) ? withSecond(label, pick(LABEL_NAMES), chance(0.15)) : [],
    position: index,
    details: {
      notes: Array.from({ length: below(3) }, () => pick(REMARKS)).join("\n\n"),
      ...(assignee && { assignee }),
      ...(due && { due }),
    },
    createdAt: now.getTime() - index * HOUR_MS,
  };
}

function withSecond(label: string, other: string, wanted: boolean) {
  return wanted && other !== label ? [label, other] : [label];
}
