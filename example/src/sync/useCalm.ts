import { useEffect, useState } from "react";

/** How long a state of rest has to last before it is shown. */
const CALM_AFTER_MS = 500;

/**
 * Unrest shows at once, rest only when it has lasted: an indicator that flickered with every click
 * would tell less. It may say "saving" a moment too long, never "saved" too early.
 */
export function useCalm<T>(value: T, atRest: boolean): T {
  const [settled, setSettled] = useState(value);
  if (!atRest && settled !== value) setSettled(value);
  useEffect(() => {
    if (!atRest) return;
    const timer = setTimeout(() => setSettled(value), CALM_AFTER_MS);
    return () => clearTimeout(timer);
  }, [value, atRest]);
  return atRest ? settled : value;
}
