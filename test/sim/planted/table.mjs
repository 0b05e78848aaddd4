// @ts-check
import { CLIENT_BUGS } from "./client.mjs";
import { SERVER_BUGS } from "./server.mjs";

/**
 * @typedef {object} PlantedBug
 * @property {string} name
 * @property {string} rule of docs/rules.md that it breaks
 * @property {string} about
 * @property {import("../bundle.mjs").Patch[]} patches
 * @property {import("../steps.ts").StepName[]} [with] optional steps that it takes
 * @property {import("../schedule.ts").Provocation[]} [often] what has to happen often for it to show
 */

/** Bugs as people make them; the simulator has to find them. @type {readonly PlantedBug[]} */
export const PLANTED = [...CLIENT_BUGS, ...SERVER_BUGS];
