import { useCallback, useEffect, useRef, useState } from "react";

/** How long typing must pause before it is written. */
const PAUSE_MS = 300;

/**
 * Text while it is being typed. It is committed after a pause, on blur and on unmount; in between
 * it belongs to the person typing, so that a change from elsewhere never moves the caret.
 */
export function useDraft(value: string, commit: (text: string) => void) {
  const [draft, setDraft] = useState<string | null>(null);
  const waiting = useRef<{ timer: ReturnType<typeof setTimeout>; flush: () => void } | null>(null);

  const flush = useCallback(() => {
    if (!waiting.current) return;
    clearTimeout(waiting.current.timer);
    waiting.current.flush();
    waiting.current = null;
  }, []);
  useEffect(() => flush, [flush]);

  return {
    value: draft ?? value,
    onChange: (event: { target: { value: string } }) => {
      const text = event.target.value;
      setDraft(text);
      if (waiting.current) clearTimeout(waiting.current.timer);
      waiting.current = { timer: setTimeout(flush, PAUSE_MS), flush: () => commit(text) };
    },
    onBlur: () => {
      flush();
      setDraft(null);
    },
  };
}
