import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  // `npx convex dev` writes VITE_CONVEX_URL into .env.local beside convex.json.
  envDir: "..",
  plugins: [react()],
  server: { host: "127.0.0.1" },
  preview: { host: "127.0.0.1" },
  // One copy of each, whichever package asks: two copies of Yjs or TanStack DB do not understand each other.
  resolve: { dedupe: ["react", "react-dom", "yjs", "convex", "@tanstack/db"] },
});
