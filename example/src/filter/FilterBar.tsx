import { useEffect, useRef } from "react";
import type { Priority } from "../../convex/fields.js";
import { LABELS, PRIORITIES, PRIORITY_NAMES } from "../task/vocabulary.js";
import { Icon } from "../ui/Icon.js";
import { isFiltering, NO_FILTER, type Filter } from "./filter.js";

interface FilterBarProps {
  filter: Filter;
  onChange: (filter: Filter) => void;
}

export function FilterBar({ filter, onChange }: FilterBarProps) {
  return (
    <search className="filter-bar">
      <SearchField text={filter.text} onChange={(text) => onChange({ ...filter, text })} />
      <select
        aria-label="Filter by priority"
        data-testid="filter-priority"
        data-active={filter.priority !== null || undefined}
        value={filter.priority ?? ""}
        onChange={(event) =>
          onChange({ ...filter, priority: (event.target.value || null) as Priority | null })
        }
      >
        <option value="">Any priority</option>
        {PRIORITIES.map((priority) => (
          <option key={priority} value={priority}>
            {PRIORITY_NAMES[priority]}
          </option>
        ))}
      </select>
      <select
        aria-label="Filter by label"
        data-testid="filter-label"
        data-active={filter.label !== null || undefined}
        value={filter.label ?? ""}
        onChange={(event) => onChange({ ...filter, label: event.target.value || null })}
      >
        <option value="">Any label</option>
        {LABELS.map((label) => (
          <option key={label}>{label}</option>
        ))}
      </select>
      {isFiltering(filter) && (
        <button
          type="button"
          className="text-button"
          data-testid="filter-clear"
          onClick={() => onChange(NO_FILTER)}
        >
          Clear
        </button>
      )}
    </search>
  );
}

/** `/` anywhere on the page leads here, Escape leaves it empty. */
function SearchField({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const typing = (event.target as Element).closest("input, textarea, select");
      if (event.key !== "/" || typing) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
  return (
    <label className="search-field">
      <Icon name="search" />
      <input
        ref={input}
        data-testid="filter-text"
        aria-label="Search tasks"
        placeholder="Search"
        value={text}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && onChange("")}
      />
      <kbd>/</kbd>
    </label>
  );
}
