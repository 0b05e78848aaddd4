import { register } from "convex-replicate/test";
import { createEngine, type Engine } from "./engine/engine.js";
import { startBackend, type Backend, type BackendOptions } from "./index.js";

/** The example's functions, with the component as this repository builds it. */
export function loadExample(): Promise<Engine> {
  return createEngine({
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
