import type { CompiledFields } from "../shared/compiled-fields.js";
import { ReplicateError, type ReplicateErrorCode } from "../shared/errors.js";
import type { RowFields } from "../shared/operations.js";
import type { Environment } from "./platform/environment.js";
import { toLocalWrite } from "./local-write.js";
import type { LocalWrite } from "./store/records.js";
import type { Session } from "./session.js";

/** What came of taking over rows from elsewhere. */
export type ImportResult = {
  /** Whether the import of this name was done before; then nothing else happened. */
  alreadyImported: boolean;
  /** How many documents are new here, were changed, or were the same already. */
  inserted: number;
  updated: number;
  unchanged: number;
  /** Rows that this collection cannot hold, and why. They stay where they are. */
  failures: { id: string; code: ReplicateErrorCode; message: string }[];
};

/** Rows with their ids. */
export type ReadRows = () => Promise<Iterable<object>>;

type Plan = { writes: LocalWrite[]; result: ImportResult };

const ALREADY_IMPORTED: ImportResult = {
  alreadyImported: true,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  failures: [],
};

/**
 * Takes over rows from elsewhere, once: what they come to is stored together with the mark that they
 * have come.
 *
 * @param read Is only called when it has not been done before.
 */
export async function importInto(
  session: Session,
  name: string,
  read: ReadRows,
  { fields, environment }: { fields: CompiledFields; environment: Environment },
): Promise<ImportResult> {
  const { data } = session;
  const isNews = await data.decide(async (store) => !(await store.hasImported(name)));
  if (!isNews) return ALREADY_IMPORTED;
  const rows = await read();
  let result = ALREADY_IMPORTED;
  const isDone = await session.decideAndSend((store) => {
    const plan = planImport(rows, data.replica.shown, fields);
    result = plan.result;
    const now = environment.now();
    const records = plan.writes.map((write) => data.replica.draft(write, now));
    return store.importRecords(name, records);
  });
  return isDone ? result : ALREADY_IMPORTED;
}

/**
 * The local changes that make `shown` equal to `rows`: an insert for a document that is not there,
 * otherwise an update of the fields that differ.
 */
function planImport(
  rows: Iterable<object>,
  shown: ReadonlyMap<string, RowFields>,
  fields: CompiledFields,
): Plan {
  const writes: LocalWrite[] = [];
  const result = {
    ...ALREADY_IMPORTED,
    alreadyImported: false,
    failures: [] as ImportResult["failures"],
  };
  for (const row of rows as Iterable<{ id: string }>) {
    const current = shown.get(row.id);
    const type = current ? "update" : "insert";
    const original = current ? { id: row.id, ...current } : {};
    try {
      const write = toLocalWrite({ type, key: row.id, original, modified: row }, fields);
      if (type === "update" && write.operations.size === 0) {
        result.unchanged += 1;
        continue;
      }
      writes.push(write);
      result[type === "insert" ? "inserted" : "updated"] += 1;
    } catch (error) {
      if (!(error instanceof ReplicateError)) throw error;
      result.failures.push({ id: row.id, code: error.code, message: error.message });
    }
  }
  return { writes, result };
}
