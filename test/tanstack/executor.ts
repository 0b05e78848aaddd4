import { startOfflineExecutor, type OfflineConfig } from "@tanstack/offline-transactions";
import { onTestFinished } from "vitest";

/** What an executor keeps in a browser's storage, for the executors of later pages; a write takes time. */
export function executorStorage() {
  const stored = new Map<string, string>();
  return {
    get: async (key: string) => stored.get(key) ?? null,
    set: async (key: string, value: string) => {
      await new Promise((resolve) => setImmediate(resolve));
      stored.set(key, value);
    },
    delete: async (key: string) => void stored.delete(key),
    keys: async () => [...stored.keys()],
    clear: async () => stored.clear(),
  };
}

/** A network that is there when it is told so, as `navigator.onLine` is. */
export function onlineSwitch(isOnline = true) {
  const listeners = new Set<() => void>();
  return {
    isOnline: () => isOnline,
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    notifyOnline: () => listeners.forEach((listener) => listener()),
    dispose: () => listeners.clear(),
    set(online: boolean) {
      isOnline = online;
      if (online) this.notifyOnline();
    },
  };
}

type Config = Omit<Partial<OfflineConfig>, "collections"> & {
  mutationFns: OfflineConfig["mutationFns"];
  /** Of the copy under test, whose types are not those of the copy that the package brings. */
  collections?: object;
};

/** The real executor, in a browser of one tab. */
export async function startExecutor({ collections = {}, ...config }: Config) {
  const executor = startOfflineExecutor({
    collections: collections as OfflineConfig["collections"],
    storage: executorStorage(),
    onlineDetector: onlineSwitch(),
    leaderElection: {
      requestLeadership: async () => true,
      releaseLeadership: () => undefined,
      isLeader: () => true,
      onLeadershipChange: () => () => undefined,
    },
    ...config,
  });
  await executor.waitForInit();
  onTestFinished(() => executor.dispose());
  return executor;
}
