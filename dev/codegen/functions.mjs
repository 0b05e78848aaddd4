// @ts-check
/** What Convex reads from a module of functions when it is pushed. */

/**
 * @typedef {"Query" | "Mutation" | "Action"} UdfType
 * @typedef {object} AnalyzedFunction
 * @property {string} name
 * @property {null} pos
 * @property {UdfType} udfType
 * @property {{ kind: "public" | "internal" }} visibility
 * @property {string | null} args the validator as JSON
 * @property {string | null} returns the validator as JSON
 *
 * @typedef {{ functions: AnalyzedFunction[], httpRoutes: null, cronSpecs: null, sourceMapped: null }} AnalyzedModule
 * @typedef {{ type: "leaf", leaf: string } | ExportBranch} ExportNode
 * @typedef {{ type: "branch", branch: [string, ExportNode][] }} ExportBranch
 */

/**
 * The Convex functions among a module's exports.
 *
 * @param {Record<string, unknown>} exports
 * @returns {AnalyzedModule}
 */
export function analyzeModule(exports) {
  const functions = Object.entries(exports).flatMap(([name, value]) => analyzeExport(name, value));
  return { functions, httpRoutes: null, cronSpecs: null, sourceMapped: null };
}

/**
 * A component's public functions as the tree that its parent sees, `entries.append` and so on.
 *
 * @param {Record<string, AnalyzedModule>} modules by path, such as `entries.js`
 * @returns {ExportBranch}
 */
export function exportTree(modules) {
  /** @type {ExportBranch} */
  const root = { type: "branch", branch: [] };
  for (const [path, { functions }] of Object.entries(modules)) {
    const modulePath = path.replace(/\.js$/, "");
    for (const { name, visibility } of functions) {
      if (visibility.kind !== "public") continue;
      const leaf = `_reference/function/${modulePath}:${name}`;
      const branch = modulePath.split("/").reduce(branchNamed, root);
      branch.branch.push([name, { type: "leaf", leaf }]);
    }
  }
  return root;
}

/**
 * @param {string} name
 * @param {any} value
 * @returns {AnalyzedFunction[]} one, or none when the export is something else
 */
function analyzeExport(name, value) {
  const udfType = udfTypeOf(value);
  if (udfType === null) return [];
  return [
    {
      name,
      pos: null,
      udfType,
      visibility: { kind: value.isPublic ? "public" : "internal" },
      args: sortedJson(value.exportArgs()),
      returns: sortedJson(value.exportReturns()),
    },
  ];
}

/**
 * Compared with `true`, because an exported reference such as `api.tasks.list` has a truthy value
 * under every name.
 *
 * @param {any} value
 * @returns {UdfType | null}
 */
function udfTypeOf(value) {
  if (value?.isQuery === true) return "Query";
  if (value?.isMutation === true) return "Mutation";
  if (value?.isAction === true) return "Action";
  return null;
}

/**
 * The child branch of that name, made if need be.
 *
 * @param {ExportBranch} parent
 * @param {string} name
 * @returns {ExportBranch}
 */
function branchNamed(parent, name) {
  for (const [childName, child] of parent.branch) {
    if (childName === name && child.type === "branch") return child;
  }
  /** @type {ExportBranch} */
  const child = { type: "branch", branch: [] };
  parent.branch.push([name, child]);
  return child;
}

/**
 * The same JSON with every object's keys in order, as a Convex backend keeps them: generated types
 * list fields in that order.
 *
 * @param {string} json
 */
function sortedJson(json) {
  return JSON.stringify(sortKeys(JSON.parse(json)));
}

/**
 * @param {unknown} value
 * @returns {unknown}
 */
function sortKeys(value) {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, child]) => [key, sortKeys(child)]));
}
