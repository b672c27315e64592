/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

export { backoff, RETRY_BASE_MS, RETRY_CAP_MS } from "./backoff";
export type { SocketLike } from "./link";
export { type RealtimeOptions, type RealtimeState, SessionEnded } from "./options";
export * from "./protocol";
export { PytakeRealtime } from "./realtime";
