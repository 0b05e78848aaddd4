import type { GenericDataModel, GenericQueryCtx } from "convex/server";
import { ReplicateError } from "../shared/errors.js";
import type { RowFields } from "../shared/operations.js";
import { FIELDS_PART, loadPart, renderRow } from "../shared/plain-part.js";
import type { ReplicatedCollection } from "./documents.js";

export type VersionsOptions = {
  /** Only commits before this one: the `ts` of the last version of the page before. */
  before?: bigint;
  /** At most so many. Default 50; 1 to 200. */
  limit?: number;
};

export type Version = {
  /** The commit: its timestamp in ns since the epoch, as `ts` of a push's answer is. */
  ts: bigint;
  /** The same in ms, for `new Date(time)`. */
  time: number;
  /** What was done. `snapshot`: several commits of which only what they came to is known. */
  op: "insert" | "update" | "remove" | "snapshot";
};

const MAX_VERSIONS = 200;
const NS_PER_MS = 1_000_000n;

type Ctx = Pick<GenericQueryCtx<GenericDataModel>, "runQuery">;

/** @throws {ReplicateError} `INVALID_OPTIONS` */
export async function versionsOf(
  ctx: Ctx,
  { component, table }: ReplicatedCollection,
  document: string,
  { before, limit = 50 }: VersionsOptions = {},
): Promise<Version[]> {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_VERSIONS) {
    throw new ReplicateError(
      "INVALID_OPTIONS",
      `The \`limit\` of versions must be a whole number from 1 to ${MAX_VERSIONS}, but is ${limit}.`,
    );
  }
  const part = { collection: table, document, part: FIELDS_PART };
  const args = { ...part, limit, ...(before !== undefined && { before }) };
  const versions = await ctx.runQuery(component.history.versions, args);
  return versions.map(({ ts, op }) => ({ ts, time: Number(ts / NS_PER_MS), op }));
}

/** The fields that a document had right after a commit, without its id. */
export async function rowAt(
  ctx: Ctx,
  { component, table, fields }: ReplicatedCollection,
  document: string,
  ts: bigint,
): Promise<RowFields | null> {
  const args = { collection: table, document, part: FIELDS_PART, ts };
  const updates = await ctx.runQuery(component.history.versionAt, args);
  if (updates === null) return null;
  return renderRow(loadPart(updates.map((update) => new Uint8Array(update))), fields.tree);
}
