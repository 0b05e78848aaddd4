import type { DataModelFromSchemaDefinition } from "convex/server";
import type schema from "../schema";

// Stands for what `npx convex dev` writes into the reader's app.
export type DataModel = DataModelFromSchemaDefinition<typeof schema>;
