import type { Priority, Status } from "../../convex/fields.js";
import { LABEL_HUES } from "./vocabulary.js";

/** A ring that fills as the work goes on. */
export function StatusGlyph({ status }: { status: Status }) {
  return (
    <svg className="status-glyph" data-status={status} viewBox="0 0 16 16" aria-hidden="true">
      <circle className="ring" cx="8" cy="8" r="6" />
      {status === "doing" && <path className="fill" d="M8 4.5a3.5 3.5 0 0 1 0 7Z" />}
      {status === "done" && <path className="tick" d="m5.4 8.2 1.8 1.8 3.4-3.8" />}
    </svg>
  );
}

const BARS: Record<Priority, number> = { none: 0, low: 1, medium: 2, high: 3, urgent: 3 };

/** Three bars, as many filled as the priority is high. */
export function PriorityGlyph({ priority }: { priority: Priority }) {
  return (
    <svg className="priority-glyph" data-priority={priority} viewBox="0 0 16 16" aria-hidden="true">
      {[0, 1, 2].map((bar) => (
        <rect
          key={bar}
          className={bar < BARS[priority] ? "on" : "off"}
          x={2.5 + bar * 4}
          y={9.5 - bar * 3}
          width="2.6"
          height={4 + bar * 3}
          rx="0.8"
        />
      ))}
    </svg>
  );
}

/** Initials in a disc, its hue taken from the name. */
export function Avatar({ name }: { name: string }) {
  const words = name.trim().split(/\s+/);
  const initials = words.map((word) => word[0] ?? "").join("");
  return (
    <span className="avatar" style={{ "--hue": hueOf(name) }} title={name}>
      <span aria-hidden="true">{initials.slice(0, 2).toUpperCase()}</span>
      <span className="visually-hidden">Assigned to {name}</span>
    </span>
  );
}

export function LabelDot({ label }: { label: string }) {
  return <span className="label-dot" style={{ "--hue": LABEL_HUES[label] ?? hueOf(label) }} />;
}

function hueOf(text: string) {
  let hash = 0;
  for (const character of text) hash = (hash * 31 + character.charCodeAt(0)) % 360;
  return hash;
}
