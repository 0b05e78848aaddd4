import { query } from "../../../example/convex/_generated/server.js";

/** The whole table as it is, `version` included, which no client gets to see. Part of no app. */
export const table = query({ handler: (ctx) => ctx.db.query("tasks").collect() });
