import { Replicate } from "convex-replicate/server";
import { components } from "./_generated/api.js";
import { withPriority } from "./versions.js";

export const { stream, recover, push, protocol } = new Replicate(components.replicate, "tasks", {
  fields: withPriority,
}).functions();
