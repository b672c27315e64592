/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

export { backoff, RETRY_BASE_MS, RETRY_CAP_MS } from "./backoff.ts";
export type { SocketLike } from "./link.ts";
export { type RealtimeOptions, type RealtimeState, SessionEnded } from "./options.ts";
export * from "./protocol.ts";
export { PytakeRealtime } from "./realtime.ts";
