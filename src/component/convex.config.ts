import { defineComponent } from "convex/server";

/** The component: `app.use(replicate)` in the app's `convex.config.ts`. */
const component = defineComponent("replicate");

export default component;
