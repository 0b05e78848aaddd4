/** Keeps the app's own files for a start without a network: see `public/service-worker.js`. */
export async function keepForOfflineStart() {
  // In development Vite serves modules that change under one's hands; only a build is worth keeping.
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register("/service-worker.js");
  const { active } = await navigator.serviceWorker.ready;
  const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
  const own = loaded.filter((url) => new URL(url).origin === location.origin);
  active?.postMessage([...new Set([location.pathname, ...own])]);
}
