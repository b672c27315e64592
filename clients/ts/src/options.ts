/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { SocketLike } from "./link.ts";
import type { Cursor, ResyncReason, ServerEvent } from "./protocol.ts";

/** Thrown by `token` when there is no session any more: the client then ends. */
export class SessionEnded extends Error {
  constructor() {
    super("the session has ended");
    this.name = "SessionEnded";
  }
}

export type RealtimeState =
  /** Not started, or stopped by `stop()`. */
  | { name: "idle" }
  /** A socket is being opened or authenticated. */
  | { name: "connecting"; attempt: number }
  /** Authenticated; events come.  `caughtUp` once what was missed has come, too. */
  | { name: "live"; caughtUp: boolean }
  /** The connection is lost; the next try is at `retryAt` (ms since the epoch). */
  | { name: "waiting"; attempt: number; retryAt: number }
  /** The server does not want this session: no further try is made. */
  | { name: "ended"; code: number };

export interface RealtimeOptions {
  /** `ws://` or `wss://` address of /api/v1/conversations/ws. */
  url: string;
  /**
   * The access token.  `fresh` asks for one that the server has not refused
   * yet.  Throw `SessionEnded` when there is none to be had; any other error is
   * taken for a lost connection.
   */
  token: (fresh: boolean) => Promise<string>;
  /** Where to resume; null is "from now on". */
  since?: Cursor | null;
  /** Makes a socket; the global WebSocket when left out. */
  socket?: (url: string) => SocketLike;
  /** Every event once, in ascending `seq`. */
  onEvent?: (event: ServerEvent) => void;
  /** State changes, for a banner. */
  onState?: (state: RealtimeState) => void;
  /** What was missed cannot be told: reload by REST, then go on. */
  onResync?: (reason: ResyncReason, since: Cursor) => void;
  /** The cursor after each event or `sync`, for whoever keeps it. */
  onCursor?: (cursor: Cursor) => void;
  random?: () => number;
  now?: () => number;
}
