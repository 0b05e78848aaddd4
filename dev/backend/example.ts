import { register } from "convex-replicate/test";
import { createConvexTestRuntime } from "./convex-test-runtime.js";
import { startBackend, type Backend, type BackendOptions, type Runtime } from "./index.js";

/** The example's functions, with the component as this repository builds it. */
export function loadExample(): Promise<Runtime> {
  return createConvexTestRuntime({
    modules: import.meta.glob("../../example/convex/**/*.ts"),
    register,
  });
}

/** The backend of `npm start` and of the end-to-end tests. */
export async function startExampleBackend(
  options: Omit<BackendOptions, "app"> = {},
): Promise<Backend> {
  return startBackend({ app: await loadExample(), ...options });
}
