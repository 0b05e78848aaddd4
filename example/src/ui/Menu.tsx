import { useEffect, useRef, type KeyboardEvent, type ReactNode } from "react";
import { closePopover, Popover } from "./Popover.js";

export interface MenuItem {
  label: ReactNode;
  /** Shown at the right end: a count, a shortcut. */
  hint?: string;
  danger?: boolean;
  disabled?: boolean;
  testId?: string;
  onSelect: () => void;
}

interface MenuProps {
  label: string;
  icon: ReactNode;
  className?: string;
  testId?: string;
  /** Groups of items; a line is drawn between two groups. */
  groups: () => MenuItem[][];
}

/** A button that opens a menu one can walk with the arrow keys. */
export function Menu({ label, icon, className, testId, groups }: MenuProps) {
  return (
    <Popover
      role="menu"
      className="menu"
      button={{ "aria-label": label, className, title: label, "data-testid": testId }}
      label={icon}
    >
      {() => <MenuItems groups={groups()} />}
    </Popover>
  );
}

function MenuItems({ groups }: { groups: MenuItem[][] }) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => list.current?.querySelector<HTMLElement>("button:enabled")?.focus(), []);
  return (
    <div ref={list} onKeyDown={walk}>
      {groups.map((items, group) => (
        <div key={group} role="group">
          {items.map((item, index) => (
            <button
              key={index}
              type="button"
              role="menuitem"
              className="menu-item"
              data-danger={item.danger || undefined}
              data-testid={item.testId}
              disabled={item.disabled}
              onClick={(event) => {
                closePopover(event.currentTarget);
                item.onSelect();
              }}
            >
              <span>{item.label}</span>
              {item.hint && <span className="hint">{item.hint}</span>}
            </button>
          ))}
        </div>
      ))}
    </div>
  );
}

function walk(event: KeyboardEvent<HTMLElement>) {
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>("button:enabled")];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const next = {
    ArrowDown: items[(at + 1) % items.length],
    ArrowUp: items.at(at - 1),
    Home: items[0],
    End: items.at(-1),
  }[event.key];
  if (!next) return;
  event.preventDefault();
  event.stopPropagation();
  next.focus();
}
