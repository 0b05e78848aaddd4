import { ConvexProvider } from "convex/react";
import { StrictMode, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { keepForOfflineStart } from "./offline-start.js";
import { Setup } from "./Setup.js";
import "./styles/index.css";

const root = createRoot(document.getElementById("root")!);
const show = (page: ReactNode) => root.render(<StrictMode>{page}</StrictMode>);

if (import.meta.env.VITE_CONVEX_URL) {
  // Loaded only now, because the store needs the URL as soon as it is imported.
  const [{ App }, { convex }] = await Promise.all([import("./App.js"), import("./store.js")]);
  show(
    <ConvexProvider client={convex}>
      <App />
    </ConvexProvider>,
  );
  void keepForOfflineStart();
} else {
  show(<Setup />);
}
