import { BasicIndex, createCollection } from "@tanstack/react-db";
import { ConvexReactClient } from "convex/react";
import { convexCollectionOptions } from "convex-replicate/client";
import { api } from "../convex/_generated/api.js";
import { taskFields } from "../convex/fields.js";
import { createNetwork } from "./network.js";

const convexUrl: string = import.meta.env.VITE_CONVEX_URL;

export const network = createNetwork();

export const convex = new ConvexReactClient(convexUrl, {
  webSocketConstructor: network.webSocket,
  // Unsent changes are on disk and go out after the next start, so leaving the page loses nothing.
  unsavedChangesWarning: false,
});

/** Every task: read it with live queries, change it with `insert`, `update` and `delete`. */
export const tasks = createCollection(
  convexCollectionOptions({
    convexClient: convex,
    api: api.tasks,
    fields: taskFields,
    // Each column asks for one status: with an index its query touches only its own tasks.
    autoIndex: "eager",
    defaultIndexType: BasicIndex,
  }),
);
