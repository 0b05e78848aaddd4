import { register } from "convex-replicate/test";
import { startBackend, type Backend, type BackendOptions, type ConvexApp } from "./index.js";

/** The example's functions, with the component as this repository builds it. */
const exampleApp: ConvexApp = {
  modules: import.meta.glob("../../example/convex/**/*.ts"),
  register,
};

/** The backend of `npm start` and of the end-to-end tests. */
export function startExampleBackend(options: Omit<BackendOptions, "app"> = {}): Promise<Backend> {
  return startBackend({ app: exampleApp, ...options });
}
