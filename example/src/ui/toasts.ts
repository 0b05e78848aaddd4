import { external } from "./external.js";

export interface Toast {
  id: number;
  text: string;
  /** A way back, offered for as long as the toast is there. */
  action?: { label: string; run: () => void };
}

const TOAST_LIFETIME_MS = 8_000;

let lastId = 0;

export const toasts = external<readonly Toast[]>([]);

/** Says what has just happened; several wait beneath each other. */
export function showToast(text: string, action?: Toast["action"]) {
  const toast = { id: ++lastId, text, action };
  toasts.set([...toasts.get(), toast]);
  setTimeout(() => dismissToast(toast.id), TOAST_LIFETIME_MS);
}

export function dismissToast(id: number) {
  toasts.set(toasts.get().filter((toast) => toast.id !== id));
}
