import { defineApp } from "convex/server";
import replicate from "convex-replicate/convex.config.js";

const app = defineApp();
app.use(replicate);

export default app;
