// @ts-check
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { findDrift } from "./drift.mjs";
import { GENERATED, generate } from "./generate.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const USAGE = `Usage: npm run codegen [-- --check]

Writes ${GENERATED.join(" and ")}
with the real \`convex codegen\`, without a deployment, a login or a network.

  --check   write nothing, and fail when a committed file is not what would be generated`;

const { values } = parseArgs({
  options: { check: { type: "boolean" }, help: { type: "boolean" } },
});

try {
  if (values.help) console.log(USAGE);
  else if (values.check) await check();
  else await generate(ROOT, console.log);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function check() {
  const drift = await findDrift(ROOT);
  if (drift.length === 0) return console.log("The generated code is up to date.");
  const lines = drift.map((line) => `  ${line}`);
  throw new Error(
    ["The generated code is out of date. Run `npm run codegen` and commit:", ...lines].join("\n"),
  );
}
