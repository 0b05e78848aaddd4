import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startDeployment } from "./deployment.mjs";
import { childrenFirst } from "./push.mjs";

let scratch: string;
let deployment: Awaited<ReturnType<typeof startDeployment>>;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deployment-"));
  deployment = await startDeployment(scratch);
});
afterEach(async () => {
  await deployment.close();
  await rm(scratch, { recursive: true });
});

async function post(path: string, body: object) {
  const response = await fetch(deployment.url + path, {
    method: "POST",
    headers: { "content-encoding": "br" },
    body: brotliCompressSync(JSON.stringify(body)),
  });
  return { status: response.status, body: (await response.json()) as Record<string, never> };
}

const UDF_VERSION = { udfServerVersion: "1.0.0" };

function component(path: string, dependencies: string[], definition: string, functions = "") {
  return {
    definitionPath: path,
    dependencies,
    definition: { path: "convex.config.js", source: definition },
    functions: [{ path: "log.js", source: functions }],
    ...UDF_VERSION,
  };
}

/** A bundled `convex.config.js` that exports itself as `name`, with what it uses. */
function definitionOf(name: string, uses: string[] = []) {
  const imports = uses.map((path, i) => {
    const id = Buffer.from(path).toString("base64url");
    return `import child${i} from "./_componentDeps/${id}";`;
  });
  const children = uses.map((_, i) => `{ path: child${i}.componentDefinitionPath }`);
  const exported = `{ name: "${name}", childComponents: [${children.join()}] }`;
  return `${imports.join("")} export default { export: () => (${exported}) };`;
}

const app = (uses: string[], modules: { path: string; source: string }[] = []) => ({
  definition: { path: "convex.config.js", source: definitionOf("", uses) },
  changedModules: modules,
  ...UDF_VERSION,
});

const QUERY = `export const read = {
  isQuery: true, isPublic: true, exportArgs: () => "{}", exportReturns: () => "{}"
};`;

it("analyzes an app with a component that has a component", async () => {
  const push = {
    appDefinition: app(["outer"], [{ path: "tasks.js", source: QUERY }]),
    componentDefinitions: [
      component("outer", ["inner"], definitionOf("outer", ["inner"]), QUERY),
      component("inner", [], definitionOf("inner")),
    ],
  };
  const { status, body } = await post("/api/deploy2/start_push", push);
  expect(status).toBe(200);
  expect(body.analysis).toMatchObject({
    "": {
      definition: { childComponents: [{ path: "outer" }] },
      functions: { "tasks.js": { functions: [{ name: "read", udfType: "Query" }] } },
    },
    outer: {
      definition: {
        path: "outer",
        childComponents: [{ path: "inner" }],
        exports: { branch: [["log", { branch: [["read", { type: "leaf" }]] }]] },
      },
    },
    inner: { definition: { path: "inner" } },
  });
});

it("lets modules share bundled code, which holds no functions itself", async () => {
  const modules = [
    { path: "_deps/shared.js", source: QUERY },
    { path: "deep/tasks.js", source: 'export { read } from "../_deps/shared.js";' },
  ];
  const push = { appDefinition: app([], modules), componentDefinitions: [] };
  const { body } = await post("/api/deploy2/start_push", push);
  expect(Object.keys(body.analysis?.[""]?.["functions"] ?? {})).toEqual(["deep/tasks.js"]);
});

it("refuses a module that no deployment accepts the name of, a component's too", async () => {
  const inner = component("inner", [], definitionOf("inner"));
  inner.functions = [{ path: "import-failures.js", source: "" }];
  const push = { appDefinition: app(["inner"]), componentDefinitions: [inner] };
  const { status, body } = await post("/api/deploy2/start_push", push);
  expect(status).toBe(400);
  expect(body.message).toMatch("import-failures.js is not a valid path to a Convex module");
});

it("says what code threw while it was imported, and leaves no files", async () => {
  const modules = [{ path: "broken.js", source: 'throw new Error("out of cheese");' }];
  const push = { appDefinition: app([], modules), componentDefinitions: [] };
  const { status, body } = await post("/api/deploy2/start_push", push);
  expect(status).toBe(400);
  expect(body.message).toMatch("out of cheese");
  expect(await readdir(scratch)).toEqual([]);
});

it("names the request it does not know", async () => {
  const { status, body } = await post("/api/deploy2/finish_push", {});
  expect(status).toBe(404);
  expect(body.message).toMatch("/api/deploy2/finish_push");
});

it("puts every component after those it uses, once", () => {
  const components = [
    component("a", ["b", "c"], ""),
    component("b", ["c"], ""),
    component("c", [], ""),
  ];
  expect(childrenFirst(components).map(({ definitionPath }) => definitionPath)).toEqual([
    "c",
    "b",
    "a",
  ]);
});
