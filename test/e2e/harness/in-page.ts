/** What a test runs inside a page: each has all it needs in itself. */

/** Runs in the page: whether the service worker has a copy of everything the page was made of. */
export async function isKept(): Promise<boolean> {
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
  const own = [location.href, ...loaded].filter((url) => url.startsWith(location.origin));
  const kept = await Promise.all(own.map((url) => caches.match(url)));
  return kept.every((response) => response !== undefined);
}

/** Runs in the page: how many local changes are on disk. */
export async function countOutbox(): Promise<number> {
  const promised = <T>(request: IDBRequest<T>) =>
    new Promise<T>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const databases = await indexedDB.databases();
  const { name } = databases.find((one) => one.name?.startsWith("convex-replicate:"))!;
  const database = await promised(indexedDB.open(name!));
  const count = await promised(database.transaction("outbox").objectStore("outbox").count());
  database.close();
  return count;
}

/** Runs in the page: whether its transactions get their turn, or wait for those of another page. */
export async function isDiskFree(): Promise<boolean> {
  const promised = <T>(request: IDBRequest<T>) =>
    new Promise<T>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const databases = await indexedDB.databases();
  const { name } = databases.find((one) => one.name?.startsWith("convex-replicate:"))!;
  const database = await promised(indexedDB.open(name!));
  const transaction = database.transaction([...database.objectStoreNames], "readwrite");
  const isFree = await new Promise<boolean>((resolve) => {
    transaction.oncomplete = () => resolve(true);
    setTimeout(() => resolve(false), 1_000);
  });
  database.close();
  return isFree;
}
