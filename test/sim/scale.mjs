// @ts-check
/**
 * Small numbers in place of large ones, so that three documents reach what otherwise takes
 * thousands: pages, batches, long tails and many segments.
 */

/** @type {import("./bundle.mjs").Patch[]} */
export const SCALE = [
  constant("src/component/page.ts", "MAX_PAGE_ROWS", "500", "4"),
  constant("src/component/page.ts", "MIN_PAGE_ROWS", "16", "2"),
  constant("src/shared/limits.ts", "TAIL_ENTRIES", "32", "5"),
  constant("src/shared/limits.ts", "STUB_BYTES", "32 * 1024", "80"),
];

/**
 * @param {string} file
 * @param {string} name
 * @param {string} from
 * @param {string} to
 */
function constant(file, name, from, to) {
  return { file, find: `const ${name} = ${from};`, replace: `const ${name} = ${to};` };
}
