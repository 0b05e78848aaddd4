/**
 * Paths name plain fields inside the flat root map of a document (D1). They are JSON Pointers
 * (RFC 6901) without the leading slash: `details/due`, and `""` for the document itself.
 */
export type Path = string;

/** The document itself; its presence marker is what makes a row with no fields exist. */
export const ROOT: Path = "";

const TO_ESCAPE = /[~/]/;

export function childPath(parent: Path, key: string): Path {
  const segment = TO_ESCAPE.test(key) ? key.replaceAll("~", "~0").replaceAll("/", "~1") : key;
  return parent === ROOT ? segment : `${parent}/${segment}`;
}

export function segmentsOf(path: Path): string[] {
  if (path === ROOT) return [];
  return path.split("/").map(keyOf);
}

/** The key that a segment of a path stands for. */
export function keyOf(segment: string): string {
  return segment.includes("~") ? segment.replaceAll("~1", "/").replaceAll("~0", "~") : segment;
}

/** The paths above `path`, nearest first, without the root. */
export function ancestorsOf(path: Path): Path[] {
  const result: Path[] = [];
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
    result.push(path.slice(0, end));
  }
  return result;
}
