import path from "node:path";
import type { NextConfig } from "next";
import { PHASE_DEVELOPMENT_SERVER } from "next/constants";

/*
 * The inbox is exported to static files that NGINX serves.  In development
 * "next dev" serves it instead and hands the API and the WebSocket on to a
 * running PyTake; an export knows no rewrites, so the two phases differ.
 */
export default function config(phase: string): NextConfig {
  const build = process.env.PYTAKE_WEB_BUILD ?? "development";
  const api = process.env.PYTAKE_DEV_API ?? "http://127.0.0.1:8080";

  return {
    ...(phase === PHASE_DEVELOPMENT_SERVER
      ? {
          rewrites: async () => [{ source: "/api/v1/:path*", destination: `${api}/api/v1/:path*` }],
        }
      : { output: "export" as const, distDir: "dist" }),
    images: { unoptimized: true },
    reactStrictMode: true,
    poweredByHeader: false,
    env: { NEXT_PUBLIC_BUILD: build },
    generateBuildId: async () => build,
    // The realtime client lives beside web/, for integrators too.
    experimental: { externalDir: true },
    outputFileTracingRoot: path.join(import.meta.dirname, ".."),
  };
}
