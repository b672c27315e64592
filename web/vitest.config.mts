import path from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: {
      "@pytake/client": path.join(import.meta.dirname, "../clients/ts/src/index.ts"),
      "@": path.join(import.meta.dirname, "src"),
    },
  },
  server: { fs: { allow: [".."] } },
  test: {
    globals: true,
    environment: "jsdom",
    setupFiles: ["test/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}", "../clients/ts/test/**/*.test.ts"],
  },
});
