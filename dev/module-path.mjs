// @ts-check

/**
 * Refuses the name of a module as a deployment does, and with it everything that is pushed, helpers
 * included: get-convex/convex-backend#231.
 *
 * @param {string} path within the functions folder, like `admin/users.ts`
 * @throws {Error} when it has characters that Convex does not allow
 */
export function checkModulePath(path) {
  if (/^[A-Za-z0-9_./]+$/.test(path)) return;
  throw new Error(
    `${path} is not a valid path to a Convex module: its names can only have letters, digits, underscores and periods.`,
  );
}
