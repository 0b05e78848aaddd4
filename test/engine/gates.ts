import type { Interleaving } from "../../dev/backend/engine/interleaving.js";

/**
 * Stops the first transaction before its n-th syscall, until `open` is called. All others, its own
 * next attempts included, go on at once.
 */
export function gateBefore(syscall: number) {
  let reached = () => {};
  let open = () => {};
  const isReached = new Promise<void>((resolve) => (reached = resolve));
  const isOpen = new Promise<void>((resolve) => (open = resolve));
  let isFirst = true;
  let isArmed = false;
  let count = 0;

  const interleaving: Interleaving = {
    start: () => {
      if (!isArmed || !isFirst) return { pause: () => Promise.resolve() };
      isFirst = false;
      const pause = async () => {
        count += 1;
        if (count !== syscall) return;
        reached();
        await isOpen;
      };
      return { pause };
    },
  };
  const arm = () => void (isArmed = true);
  return { interleaving, arm, isReached, open: () => open(), syscalls: () => count };
}
