/** @throws when `actual` is not `expected`, compared deeply and by type. */
export function same(actual: unknown, expected: unknown, what: string) {
  if (isSame(actual, expected)) return;
  throw new Error(`${what}: expected ${show(expected)}, but got ${show(actual)}.`);
}

/** @throws when `promise` does not reject; then also, when `code` is given, with another code. */
export async function rejects(promise: Promise<unknown>, what: string, code?: string) {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason as { code?: unknown },
  );
  if (error === null) throw new Error(`${what}: expected a rejection, but it resolved.`);
  if (code !== undefined) same(error.code, code, `${what}: the rejection's code`);
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  const keys = Object.keys(a);
  const read = (object: object, key: string) => (object as Record<string, unknown>)[key];
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSame(read(a, key), read(b, key)))
  );
}

function show(value: unknown): string {
  if (value instanceof Uint8Array) return `Uint8Array [${value.join(", ")}]`;
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
