/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/**
 * The frames of `GET /api/v1/conversations/ws`, as docs/hub.md tells them.
 * Types and events that are not named here may come and are passed on.
 */

/** The last event a client has had: what it resumes behind. */
export interface Cursor {
  seq: number;
  id: string | null;
}

/** Something that happened.  Ephemeral events (typing, presence) have no `seq`. */
export interface ServerEvent<T = unknown> {
  event: string;
  data: T;
  timestamp: string;
  conversation_id?: string;
  seq?: number;
  id?: string;
}

/** A frame about the connection itself. */
export interface ControlFrame {
  type: string;
  data?: Record<string, unknown>;
}

export type ResyncReason = "rewound" | "expired" | "too_far" | (string & {});

/** What a close code asks of the client (40xx end, 41xx back off, 42xx come back). */
export type CloseVerdict = "end" | "token" | "backoff" | "again";

export const CLOSE_INVALID_TOKEN = 4002;
export const CLOSE_SESSION_REVOKED = 4005;
export const CLOSE_TOO_MANY = 4006;
export const CLOSE_AUTH_TIMEOUT = 4004;
export const CLOSE_TOKEN_EXPIRED = 4202;

export function closeVerdict(code: number): CloseVerdict {
  switch (code) {
    case CLOSE_INVALID_TOKEN:
    case CLOSE_TOKEN_EXPIRED:
      return "token";
    case CLOSE_AUTH_TIMEOUT:
    case CLOSE_TOO_MANY:
      return "backoff";
    default:
      break;
  }

  if (code >= 4000 && code < 4100) {
    return "end";
  }

  return code >= 4200 && code < 4300 ? "again" : "backoff";
}
