/** Whether the browser keeps this site's data until the user deletes it; null where that is unknown. */
export async function persisted(ask: boolean): Promise<boolean | null> {
  const manager = typeof navigator === "undefined" ? undefined : navigator.storage;
  try {
    const is = await manager?.persisted?.();
    if (is || !ask) return is ?? null;
    return (await manager?.persist?.()) ?? null;
  } catch {
    return null; // e.g. in a sandboxed frame
  }
}
