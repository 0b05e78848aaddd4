import type { GenericDataModel } from "convex/server";
import type { ComponentApi } from "../component/_generated/component.js";
import { compileFields } from "../shared/compiled-fields.js";
import { ReplicateError } from "../shared/errors.js";
import type { Fields } from "../shared/fields.js";
import { compactionFrom, type CompactionOptions } from "./compaction-options.js";
import type { Hooks } from "./hooks.js";
import type { ReplicatedCollectionWithHooks } from "./push.js";

export type ReplicateOptions<
  F extends Fields,
  DataModel extends GenericDataModel = GenericDataModel,
> = Hooks<F, DataModel> & {
  /** The fields that the schema and the client use as well. */
  fields: F;
  /** When the log of a document is compacted. The defaults are good for most apps. */
  compaction?: CompactionOptions;
  /**
   * Whether every change stays readable, by `versions` and `rowAt`, although logs are compacted. What
   * was changed before it was switched on is known as far as the log still has it. Default false.
   */
  history?: boolean;
};

/** Every hook by its name, so that the compiler says when one is missing here. */
const HOOKS: Record<keyof Hooks<Fields, GenericDataModel>, true> = {
  rateLimit: true,
  evalRead: true,
  evalWrite: true,
  onInsert: true,
  onUpdate: true,
  onRemove: true,
};

/** @throws {ReplicateError} `INVALID_FIELDS`, `INVALID_OPTIONS` */
export function targetFrom<F extends Fields, DataModel extends GenericDataModel>(
  component: ComponentApi,
  table: string,
  options: ReplicateOptions<F, DataModel>,
): ReplicatedCollectionWithHooks<F, DataModel> {
  checkComponent(component);
  checkTable(table);
  const { fields, compaction, history = false, ...hooks } = options;
  checkHooks(hooks);
  if (typeof history !== "boolean") {
    throw invalid(
      `The option \`history\` of new Replicate() must be true or false, but is ${JSON.stringify(history)}.`,
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

function checkComponent(component: unknown) {
  if (component !== undefined && component !== null) return;
  throw invalid(
    `The first argument of new Replicate() must be \`components.replicate\`, but is ${component}. Is \`app.use(replicate)\` in convex/convex.config.ts? If so, run \`npx convex dev\` once, which generates \`components\`.`,
  );
}

function checkTable(table: unknown) {
  if (typeof table === "string" && table !== "") return;
  throw invalid(
    `The second argument of new Replicate() must be the name of a table in schema.ts, such as "tasks", but is ${JSON.stringify(table)}.`,
  );
}

/**
 * A hook that is never asked looks like one that allows everything, so a name that is not one is an
 * error, also where TypeScript sees none: in JavaScript, or in options that are spread.
 */
function checkHooks(hooks: Record<string, unknown>) {
  for (const [name, hook] of Object.entries(hooks)) {
    if (!Object.hasOwn(HOOKS, name)) {
      const known = ["fields", "compaction", "history", ...Object.keys(HOOKS)];
      throw invalid(`new Replicate() has no option \`${name}\`. Options: ${known.join(", ")}.`);
    }
    if (hook !== undefined && typeof hook !== "function") {
      throw invalid(
        `The option \`${name}\` of new Replicate() must be a function, but is ${JSON.stringify(hook)}.`,
      );
    }
  }
}

function invalid(message: string): ReplicateError {
  return new ReplicateError("INVALID_OPTIONS", message);
}
