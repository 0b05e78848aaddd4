import convex from "@convex-dev/eslint-plugin";
import js from "@eslint/js";
import reactHooks from "eslint-plugin-react-hooks";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 60;

const TESTS = ["**/*.test.{ts,tsx}"];

/** What Convex's own preset switches on for the functions of an app. */
const convexRules = convex.configs.recommended[0]?.rules;

/**
 * client -> shared <- server; component -> shared; react -> client; server -> component only for its
 * generated API. Nothing imports example, dev, test or bench.
 *
 * @type {Record<string, string[]>} the folders of `src` that each may import besides itself
 */
const ARROWS = {
  shared: [],
  component: ["shared"],
  server: ["shared", "component/_generated"],
  client: ["shared"],
  react: ["client"],
};

/**
 * Data flows one way, and no module reaches back up to those that use it.
 *
 * @type {Record<string, string[]>} the folders of `src/client` that each may import besides itself
 */
const CLIENT_ARROWS = {
  platform: [],
  storage: ["platform"],
  store: ["storage", "platform"],
  "local-data": ["store", "storage", "platform"],
  tabs: ["platform"],
  sync: ["local-data", "store", "storage", "tabs", "platform"],
};

const OUTSIDE_SRC = {
  regex: "^(\\.\\./)+(example|dev|test|bench)/|^convex-replicate(/|$)",
  message: "The package's sources import nothing from outside src.",
};

export default defineConfig(
  globalIgnores(["**/dist", ".dist-*", "**/_generated", ".cache", "test/readme/scaffold"]),
  js.configs.recommended,
  tseslint.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      // TypeScript checks names already, and knows the globals of each folder.
      "no-undef": "off",
      "no-console": "off",
      eqeqeq: ["error", "always", { null: "ignore" }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
    },
  },
  {
    files: ["src/**/*.{ts,tsx}", "dev/backend/**/*.ts"],
    languageOptions: { parserOptions: { project: "tsconfig.dev.json" } },
    rules: {
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    files: ["src/**/*.{ts,tsx}"],
    ignores: TESTS,
    rules: {
      "max-lines": ["error", MAX_FILE_LINES],
      "max-lines-per-function": ["error", MAX_FUNCTION_LINES],
      "no-console": ["error", { allow: ["warn", "error"] }],
    },
  },
  {
    files: ["src/**/*.{ts,tsx}"],
    rules: { "no-restricted-imports": ["error", { patterns: [OUTSIDE_SRC] }] },
  },
  Object.entries(ARROWS).map(([folder, targets]) => ({
    files: [`src/${folder}/**/*.{ts,tsx}`],
    ignores: TESTS,
    rules: {
      "no-restricted-imports": ["error", { patterns: [OUTSIDE_SRC, othersThan(folder, targets)] }],
    },
  })),
  Object.entries(CLIENT_ARROWS).map(([folder, targets]) => ({
    files: [`src/client/${folder}/**/*.ts`],
    ignores: TESTS,
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [OUTSIDE_SRC, othersThan("client", ["shared"]), notAbove(folder, targets)] },
      ],
    },
  })),
  {
    files: ["src/component/**/*.ts", "src/server/**/*.ts", "example/convex/**/*.ts"],
    ignores: TESTS,
    plugins: { "@convex-dev": convex },
    rules: convexRules,
  },
  {
    files: ["src/react/**/*.{ts,tsx}", "example/src/**/*.{ts,tsx}"],
    extends: [reactHooks.configs.flat["recommended-latest"]],
  },
);

/**
 * Forbids imports of sibling folders other than those named.
 *
 * @param {string} folder
 * @param {string[]} targets
 */
function othersThan(folder, targets) {
  const allowed = targets.map((target) => `${target}/`).join("|");
  const siblings = Object.keys(ARROWS)
    .filter((name) => name !== folder)
    .join("|");
  const exceptAllowed = allowed === "" ? "" : `(?!${allowed})`;
  return {
    regex: `^(\\.\\./)+${exceptAllowed}(${siblings})/`,
    message: `src/${folder} imports ${targets.join(" and ") || "no other folder"} (see ARROWS in eslint.config.js).`,
  };
}

/**
 * Forbids what lies directly in `src/client`, and its folders other than those named.
 *
 * @param {string} folder
 * @param {string[]} targets
 */
function notAbove(folder, targets) {
  const others = Object.keys(CLIENT_ARROWS).filter(
    (name) => name !== folder && !targets.includes(name),
  );
  return {
    regex: `^\\.\\./([^./]+\\.js$|(${others.join("|")})/)`,
    message: `src/client/${folder} imports ${targets.join(", ") || "nothing"} of src/client (see CLIENT_ARROWS in eslint.config.js).`,
  };
}
