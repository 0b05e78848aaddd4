import { useId, useRef, useState, type ButtonHTMLAttributes, type ReactNode } from "react";

interface PopoverProps {
  /** Attributes of the button that opens it, `aria-label` included. */
  button: ButtonHTMLAttributes<HTMLButtonElement> & { [data: `data-${string}`]: unknown };
  /** What the button shows. */
  label: ReactNode;
  className?: string;
  role?: "menu" | "dialog";
  /** Called with `close` and only while it is open, so that a closed one costs nothing. */
  children: (close: () => void) => ReactNode;
}

/**
 * A native popover: the browser gives it the top layer, Escape, light dismissal and the return of
 * focus; CSS anchors it to its button.
 */
export function Popover({
  button,
  label,
  className = "",
  role = "dialog",
  children,
}: PopoverProps) {
  const id = useId();
  const panel = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const close = () => panel.current?.hidePopover();
  return (
    <>
      <button
        type="button"
        {...button}
        popoverTarget={id}
        aria-haspopup={role}
        aria-expanded={open}
      >
        {label}
      </button>
      <div
        ref={panel}
        id={id}
        popover="auto"
        role={role}
        aria-label={button["aria-label"]}
        className={`popover ${className}`}
        onToggle={(event) => setOpen(event.newState === "open")}
      >
        {open && children(close)}
      </div>
    </>
  );
}
