// @ts-check
/** `node --import` this for a process whose Convex functions handle many bytes. */
import { register } from "node:module";

register("./hooks.mjs", import.meta.url);
