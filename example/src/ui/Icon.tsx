const PATHS = {
  plus: "M8 3.5v9M3.5 8h9",
  close: "m4 4 8 8m0-8-8 8",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9Zm3.3-1.2L14 14",
  more: "M3.2 8h.01M3.2 8h-.01M8 8h.01M8 8h-.01M12.8 8h.01M12.8 8h-.01",
  up: "m4.5 10 3.5-4.5 3.5 4.5Z",
  check: "m3.5 8.5 3 3 6-7",
  calendar:
    "M2.5 6.5h11m-8-4v2m5-2v2m-6.5-1h8a1.5 1.5 0 0 1 1.5 1.5v7a1.5 1.5 0 0 1-1.5 1.5h-8A1.5 1.5 0 0 1 2.5 12V5A1.5 1.5 0 0 1 4 3.5Z",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.5v1m0 11v1M1.5 8h1m11 0h1M3.4 3.4l.7.7m7.8 7.8.7.7m0-9.2-.7.7m-7.8 7.8-.7.7",
  moon: "M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1Z",
  offline:
    "m2.5 2.5 11 11M1.7 6.3a9 9 0 0 1 3-2m3.1-.7a9 9 0 0 1 6.5 2.7M4.2 8.9A5.5 5.5 0 0 1 7 7.4m3.9.8.9.7M8 12h.01",
  warning:
    "M8 6v3m0 2.3v.01M7.1 2.6 1.7 12a1 1 0 0 0 .9 1.5h10.8a1 1 0 0 0 .9-1.5L8.9 2.6a1 1 0 0 0-1.8 0Z",
} as const;

export type IconName = keyof typeof PATHS;

/** Sixteen pixels, drawn in the colour of the text, hidden from screen readers: label what holds it. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" data-icon={name} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
