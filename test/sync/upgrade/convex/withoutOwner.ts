import { Replicate } from "convex-replicate/server";
import { components } from "./_generated/api.js";
import { withoutOwner } from "./versions.js";

export const { stream, recover, push, protocol } = new Replicate(components.replicate, "tasks", {
  fields: withoutOwner,
}).functions();
