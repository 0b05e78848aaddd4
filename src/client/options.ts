import { ReplicateError } from "../shared/errors.js";

/** What `convexCollectionOptions()` takes. */
const KNOWN = new Set([
  ...["convexClient", "api", "fields", "getKey", "identity", "storageName", "storage"],
  ...["coalesceMs", "onRejected"],
  ...["id", "startSync", "gcTime", "autoIndex", "defaultIndexType", "compare"],
  ...["defaultStringCollation"],
]);

/** What TanStack DB takes elsewhere, and why not here. */
const ELSEWHERE: Record<string, string> = {
  onInsert: "writes are stored and sent by themselves; to hear of refused ones, pass onRejected",
  onUpdate: "writes are stored and sent by themselves; to hear of refused ones, pass onRejected",
  onDelete: "writes are stored and sent by themselves; to hear of refused ones, pass onRejected",
  schema: "rows are checked against `fields`",
  sync: "that is what these options are made for",
  syncMode: "a collection is always loaded as a whole",
  rowUpdateMode: "rows are always whole",
  utils: "the collection has utils of its own",
};

/** Options whose type must be right when they are given, and the ones that must be given. */
const TYPES: Record<string, string> = {
  ...{ getKey: "function", onRejected: "function" },
  ...{ identity: "string", storageName: "string", id: "string" },
  ...{ coalesceMs: "number", gcTime: "number" },
  ...{ convexClient: "object", api: "object", fields: "object", storage: "object" },
};
const REQUIRED: Record<string, string> = {
  convexClient: "a ConvexReactClient or a ConvexClient",
  api: "the functions of this table, e.g. `api.tasks`",
  fields: "what defineFields() returns, the same that the schema and the server use",
};

/** Longest time that a change may wait for others to be sent with it, in ms. */
const MAX_COALESCE_MS = 60_000;

/** @throws {ReplicateError} `INVALID_OPTIONS` for what would otherwise be left out without a word. */
export function checkOptions(config: object) {
  for (const [name, value] of Object.entries(config) as [string, unknown][]) {
    if (value === undefined) continue;
    const advice = ELSEWHERE[name];
    if (advice !== undefined) throw invalid(` does not take \`${name}\`: ${advice}.`);
    if (!KNOWN.has(name)) throw invalid(` has no option \`${name}\`${meant(name)}`);
  }
  const options = config as Record<string, unknown>;
  for (const [name, what] of Object.entries(REQUIRED)) {
    if ((options[name] ?? null) === null) throw invalid(` needs \`${name}\`: ${what}.`);
  }
  for (const [name, type] of Object.entries(TYPES)) {
    const value = options[name] ?? undefined;
    // The `api` of Convex is a proxy, and may be a function or an object.
    const isRight = typeof value === type || (name === "api" && typeof value === "function");
    if (value !== undefined && (!isRight || Number.isNaN(value))) {
      throw unfit(name, `${type === "object" ? "an" : "a"} ${type}`, value);
    }
  }
  const { coalesceMs } = options as { coalesceMs?: number };
  // Infinity would never send anything.
  if (coalesceMs !== undefined && !(coalesceMs >= 0 && coalesceMs <= MAX_COALESCE_MS)) {
    throw unfit("coalesceMs", `a number from 0 to ${MAX_COALESCE_MS}`, coalesceMs);
  }
}

function meant(name: string): string {
  const like = [...KNOWN].find((one) => one.toLowerCase() === name.toLowerCase());
  return like ? `; did you mean \`${like}\`?` : `. Options: ${[...KNOWN].join(", ")}.`;
}

function unfit(name: string, wanted: string, value: unknown): ReplicateError {
  return invalid(`: \`${name}\` must be ${wanted}, but is ${said(value)}.`);
}

function said(value: unknown): string {
  if (typeof value === "number") return `${value}`;
  return typeof value === "string" ? JSON.stringify(value) : `a ${typeof value}`;
}

function invalid(rest: string): ReplicateError {
  return new ReplicateError("INVALID_OPTIONS", `convexCollectionOptions()${rest}`);
}
