/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

export { backoff, RETRY_BASE_MS, RETRY_CAP_MS } from "./backoff";
export * from "./protocol";
export {
  PytakeRealtime,
  type RealtimeOptions,
  type RealtimeState,
  type SocketLike,
  SessionEnded,
} from "./realtime";
