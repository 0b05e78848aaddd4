import { useSyncExternalStore } from "react";
import { external } from "./external.js";

export type Theme = "light" | "dark";

const THEME_KEY = "theme";

const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const systemTheme = (): Theme => (systemDark.matches ? "dark" : "light");

/** `null` follows the system. */
const chosen = external(localStorage.getItem(THEME_KEY) as Theme | null);

/** The theme in force and the way to the other one. Choosing what the system has follows it again. */
export function useTheme(): [Theme, () => void] {
  const theme = useSyncExternalStore(subscribe, () => chosen.get() ?? systemTheme());
  return [theme, () => choose(theme === "dark" ? "light" : "dark")];
}

function choose(theme: Theme) {
  const choice = theme === systemTheme() ? null : theme;
  if (choice) localStorage.setItem(THEME_KEY, choice);
  else localStorage.removeItem(THEME_KEY);
  document.documentElement.dataset.theme = choice ?? "";
  chosen.set(choice);
}

function subscribe(listener: () => void) {
  const stop = chosen.subscribe(listener);
  systemDark.addEventListener("change", listener);
  return () => {
    stop();
    systemDark.removeEventListener("change", listener);
  };
}
