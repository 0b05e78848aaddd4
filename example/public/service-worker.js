/**
 * Lets the app itself start without a network; its data needs no help, that is in IndexedDB.
 * The network comes first, so a new release shows at once, and what it answered is kept for a start
 * without one.
 */
const CACHE = "app";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const own = new URL(request.url).origin === self.location.origin;
  if (request.method === "GET" && own) event.respondWith(answer(request));
});

// The page says what it is made of: some was loaded before this worker was in charge, and what an
// older release was made of can go.
self.addEventListener("message", (event) => event.waitUntil(keepOnly(event.data)));

async function keepOnly(urls) {
  const cache = await caches.open(CACHE);
  await cache.addAll(urls);
  const wanted = new Set(urls.map((url) => new URL(url, self.location.href).href));
  const kept = await cache.keys();
  const old = kept.filter((request) => !wanted.has(request.url));
  await Promise.all(old.map((request) => cache.delete(request)));
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    // All of these are our own files: how they were asked for makes no difference.
    const kept = await cache.match(request, { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}
