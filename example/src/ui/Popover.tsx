import { useId, useState, type ButtonHTMLAttributes, type ReactNode } from "react";

interface PopoverProps {
  /** Attributes of the button that opens it, `aria-label` included. */
  button: ButtonHTMLAttributes<HTMLButtonElement> & { [data: `data-${string}`]: unknown };
  /** What the button shows. */
  label: ReactNode;
  className?: string;
  role?: "menu" | "dialog";
  /** Called only while it is open, so that a closed one costs nothing. */
  children: () => ReactNode;
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
  const [open, setOpen] = useState(false);
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
        id={id}
        popover="auto"
        role={role}
        aria-label={button["aria-label"]}
        className={`popover ${className}`}
        onToggle={(event) => setOpen(event.newState === "open")}
      >
        {open && children()}
      </div>
    </>
  );
}

/** Closes the popover that holds `element`. */
export function closePopover(element: Element) {
  element.closest<HTMLElement>("[popover]")?.hidePopover();
}
