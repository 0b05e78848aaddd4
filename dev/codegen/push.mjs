// @ts-check
/**
 * Answers a push as a deployment would, as far as `convex codegen` reads the answer: it imports the
 * bundles that the CLI sent and describes what they define. Nothing is deployed anywhere.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { checkModulePath } from "../module-path.mjs";
import { analyzeModule, exportTree } from "./functions.mjs";

/** The definition path of the app itself. */
const APP = "";

/** Where the CLI's bundler puts code that several modules share: not modules of functions. */
const SHARED_CODE = "_deps/";

/**
 * @typedef {{ path: string, source: string }} BundledModule
 *
 * @typedef {object} ComponentPush
 * @property {string} definitionPath
 * @property {BundledModule} definition
 * @property {string[]} dependencies definition paths of the components it uses
 * @property {BundledModule[]} functions
 * @property {string} udfServerVersion
 *
 * @typedef {object} Push the body of `start_push`
 * @property {{ definition: BundledModule | null, changedModules: BundledModule[], udfServerVersion: string }} appDefinition
 * @property {ComponentPush[]} componentDefinitions
 */

/**
 * @param {Push} push
 * @param {string} scratchDir an existing folder below which packages resolve; left as it was
 */
export async function answerPush(push, scratchDir) {
  const dir = await mkdtemp(join(scratchDir, "push-"));
  try {
    return pushAnswer(await analyze(push, dir));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/**
 * @param {Push} push
 * @param {string} dir
 */
async function analyze({ appDefinition, componentDefinitions }, dir) {
  // The bundles are ES modules, some of them named without an extension.
  await writeFiles(dir, [{ path: "package.json", source: '{ "type": "module" }' }]);

  /** @type {Record<string, object>} */
  const analysis = {};
  /** @type {Map<string, string>} the default name of each component, by definition path */
  const names = new Map();
  for (const component of childrenFirst(componentDefinitions)) {
    const { definitionPath, definition, functions, udfServerVersion } = component;
    const componentDir = join(dir, folderFor(definitionPath));
    const modules = await analyzeFunctions(componentDir, functions);
    const exported = await evaluateDefinition(componentDir, definition, names);
    names.set(definitionPath, exported.name);
    const described = { ...exported, path: definitionPath, exports: exportTree(modules) };
    analysis[definitionPath] = evaluated(described, modules, udfServerVersion);
  }

  const appDir = join(dir, "app");
  const modules = await analyzeFunctions(appDir, appDefinition.changedModules);
  const exported =
    appDefinition.definition === null
      ? EMPTY_APP
      : await evaluateDefinition(appDir, appDefinition.definition, names);
  const described = { ...exported, path: APP };
  analysis[APP] = evaluated(described, modules, appDefinition.udfServerVersion);
  return analysis;
}

const EMPTY_APP = {
  definitionType: { type: "app" },
  childComponents: [],
  httpMounts: {},
  exports: { type: "branch", branch: [] },
};

/**
 * @param {object} definition
 * @param {Record<string, import("./functions.mjs").AnalyzedModule>} functions
 * @param {string} serverVersion
 */
function evaluated(definition, functions, serverVersion) {
  const udfConfig = {
    serverVersion,
    importPhaseRngSeed: null,
    importPhaseUnixTimestamp: null,
  };
  return { definition, schema: null, functions, udfConfig };
}

/** @param {Record<string, object>} analysis */
function pushAnswer(analysis) {
  return {
    environmentVariables: {},
    externalDepsId: null,
    componentDefinitionPackages: {},
    appAuth: [],
    analysis,
    app: {
      definitionPath: APP,
      componentPath: APP,
      args: {},
      childComponents: {},
      httpRoutes: { httpModuleRoutes: null, mounts: [] },
      exports: {},
    },
    schemaChange: { allocatedComponentIds: {}, schemaIds: {} },
  };
}

/**
 * @param {string} dir
 * @param {BundledModule[]} bundles
 */
async function analyzeFunctions(dir, bundles) {
  await writeFiles(dir, bundles);
  /** @type {Record<string, import("./functions.mjs").AnalyzedModule>} */
  const modules = {};
  for (const { path } of bundles) {
    if (path.startsWith(SHARED_CODE)) continue;
    checkModulePath(path);
    modules[path] = analyzeModule(await load(dir, path));
  }
  return modules;
}

/**
 * Evaluates a bundled `convex.config`. It imports each component it uses from
 * `./_componentDeps/<base64url of its path>`, where a deployment puts a description of it.
 *
 * @param {string} dir
 * @param {BundledModule} definition
 * @param {Map<string, string>} names
 */
async function evaluateDefinition(dir, definition, names) {
  const children = [...names].map(([componentDefinitionPath, defaultName]) => ({
    path: `_componentDeps/${base64url(componentDefinitionPath)}`,
    source: `export default ${JSON.stringify({ componentDefinitionPath, defaultName })};`,
  }));
  await writeFiles(dir, [...children, definition]);
  return (await load(dir, definition.path)).default.export();
}

/**
 * Every component after those it uses.
 *
 * @param {ComponentPush[]} components
 * @returns {ComponentPush[]}
 */
export function childrenFirst(components) {
  const byPath = new Map(components.map((component) => [component.definitionPath, component]));
  /** @type {Set<ComponentPush>} a set, because a component may have several parents */
  const ordered = new Set();
  /** @param {ComponentPush} component */
  const visit = (component) => {
    for (const path of component.dependencies) {
      const child = byPath.get(path);
      if (child !== undefined) visit(child);
    }
    ordered.add(component);
  };
  components.forEach(visit);
  return [...ordered];
}

/**
 * @param {string} dir
 * @param {BundledModule[]} files
 */
async function writeFiles(dir, files) {
  for (const { path, source } of files) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), source);
  }
}

/**
 * @param {string} dir
 * @param {string} path
 */
function load(dir, path) {
  return import(pathToFileURL(join(dir, path)).href);
}

/** @param {string} definitionPath */
function folderFor(definitionPath) {
  return `component-${base64url(definitionPath)}`;
}

/** @param {string} text */
function base64url(text) {
  return Buffer.from(text).toString("base64url");
}
