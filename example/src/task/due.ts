const DAY_MS = 24 * 60 * 60 * 1000;

const dayFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** The calendar day `offset` days from `from`, as `YYYY-MM-DD` in local time. */
export function isoDay(from: Date, offset = 0): string {
  const day = new Date(from.getFullYear(), from.getMonth(), from.getDate() + offset);
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${day.getFullYear()}-${pad(day.getMonth() + 1)}-${pad(day.getDate())}`;
}

/** How a due day reads on a card, seen from `now`. */
export function describeDue(due: string, now: Date): { text: string; overdue: boolean } {
  const today = Date.parse(isoDay(now));
  const days = Math.round((Date.parse(due) - today) / DAY_MS);
  const near: Record<number, string> = { [-1]: "Yesterday", 0: "Today", 1: "Tomorrow" };
  return { text: near[days] ?? dayFormat.format(new Date(`${due}T00:00`)), overdue: days < 0 };
}
