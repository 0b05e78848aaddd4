import type { HttpRouter, RoutableMethod, UserIdentity } from "convex/server";
import type { EngineContext } from "./context.js";

/** What `httpAction(…)` really returns, behind its published type. */
interface RegisteredHttpAction {
  invokeHttpAction(request: Request): Promise<Response>;
}

/** Answers with the app's `http.ts`. Routes of components are not mounted. */
export async function routeHttp(
  { runner }: EngineContext,
  router: unknown,
  request: Request,
  identity: UserIdentity | null,
): Promise<Response | null> {
  if (!isRouter(router)) return null;
  const { pathname } = new URL(request.url);
  const route = router.lookup(pathname, request.method as RoutableMethod);
  if (route === null) return null;
  const [action, , path] = route;
  const location = { component: "", path };
  return runner.inAction(location, identity, () =>
    (action as unknown as RegisteredHttpAction).invokeHttpAction(request),
  );
}

function isRouter(value: unknown): value is HttpRouter {
  return typeof value === "object" && value !== null && "isRouter" in value;
}
