import { defineSchema } from "convex/server";
import { replicatedTable } from "convex-replicate/server";
import { taskFields } from "./fields.js";

export default defineSchema({ tasks: replicatedTable(taskFields) });
