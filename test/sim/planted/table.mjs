// @ts-check
import { CLIENT_BUGS } from "./client.mjs";
import { SERVER_BUGS } from "./server.mjs";

/**
 * @typedef {object} PlantedBug
 * @property {string} name
 * @property {string} rule of docs/design.md that it breaks
 * @property {string} about
 * @property {import("../bundle.mjs").Patch[]} patches
 * @property {string[]} [with] optional steps that it takes
 */

/** Bugs as people make them; the simulator has to find them. @type {readonly PlantedBug[]} */
export const PLANTED = [...CLIENT_BUGS, ...SERVER_BUGS];
