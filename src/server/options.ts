import type { GenericDataModel } from "convex/server";
import type { ComponentApi } from "../component/_generated/component.js";
import { compileFields } from "../shared/compiled-fields.js";
import { ReplicateError } from "../shared/errors.js";
import type { Fields } from "../shared/fields.js";
import { compactionFrom, type CompactionOptions } from "./compaction-options.js";
import type { Hooks } from "./hooks.js";
import type { Target } from "./push.js";

export type ReplicateOptions<
  F extends Fields,
  DataModel extends GenericDataModel = GenericDataModel,
> = Hooks<F, DataModel> & {
  /** The fields that the schema and the client use as well. */
  fields: F;
  /** When the log of a document is compacted. The defaults are good for most apps. */
  compaction?: CompactionOptions;
  /**
   * Whether every change stays readable, by `versions` and `versionAt`, although logs are compacted. What
   * was changed before it was switched on is known as far as the log still has it. Default false.
   */
  history?: boolean;
};

/** @throws {ReplicateError} `INVALID_FIELDS`, `INVALID_OPTIONS` */
export function targetFrom<F extends Fields, DataModel extends GenericDataModel>(
  component: ComponentApi,
  table: string,
  options: ReplicateOptions<F, DataModel>,
): Target<F, DataModel> {
  const { fields, compaction, history = false, ...hooks } = options;
  if (typeof history !== "boolean") {
    throw new ReplicateError(
      "INVALID_OPTIONS",
      `The option \`history\` of a Replicate is true or false, not ${JSON.stringify(history)}.`,
    );
  }
  return {
    component,
    table,
    fields: compileFields(fields),
    hooks,
    compaction: compactionFrom(compaction),
    history,
  };
}
