/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import {
  type Cursor,
  PytakeRealtime,
  type RealtimeState,
  type ResyncReason,
  type ServerEvent,
  SessionEnded,
  type SocketLike,
} from "@pytake/client";
import { useEffect, useRef, useState } from "react";
import { accessToken, SignedOut } from "@/session/session";

export interface UseWebSocketOptions {
  /** Nothing is opened while this is false. */
  enabled?: boolean;
  /** Where to begin; null is "from now on". */
  since?: Cursor | null;
  onMessage?: (event: ServerEvent) => void;
  onResync?: (reason: ResyncReason, since: Cursor) => void;
  /** The server does not want this session any more. */
  onEnd?: (code: number) => void;
  url?: string;
  token?: (fresh: boolean) => Promise<string>;
  socket?: (url: string) => SocketLike;
}

export interface UseWebSocket {
  isConnected: boolean;
  state: RealtimeState;
  client: PytakeRealtime | null;
}

const IDLE: RealtimeState = { name: "idle" };

function ownUrl(): string {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";

  return `${scheme}//${location.host}/api/v1/conversations/ws`;
}

async function sessionToken(fresh: boolean): Promise<string> {
  try {
    return await accessToken(fresh);
  } catch (err) {
    if (err instanceof SignedOut) {
      throw new SessionEnded();
    }
    throw err;
  }
}

/**
 * A WebSocket to PyTake for as long as the component lives: it authenticates,
 * hands every event on once and in order, and comes back by itself.
 */
export function useWebSocket(options: UseWebSocketOptions): UseWebSocket {
  const latest = useRef(options);
  const [state, setState] = useState<RealtimeState>(IDLE);
  const [client, setClient] = useState<PytakeRealtime | null>(null);
  const enabled = options.enabled ?? true;

  useEffect(() => {
    latest.current = options;
  });

  useEffect(() => {
    if (!enabled) {
      return;
    }

    const first = latest.current;
    const rt = new PytakeRealtime({
      url: first.url ?? ownUrl(),
      token: first.token ?? sessionToken,
      since: first.since ?? null,
      ...(first.socket === undefined ? {} : { socket: first.socket }),
      onEvent: (ev) => latest.current.onMessage?.(ev),
      onResync: (reason, since) => latest.current.onResync?.(reason, since),
      onState: (next) => {
        setState(next);
        if (next.name === "ended") {
          latest.current.onEnd?.(next.code);
        }
      },
    });
    const wake = () => {
      if (document.visibilityState === "visible" && navigator.onLine !== false) {
        rt.wake();
      }
    };
    const lost = () => rt.lost();

    setClient(rt);
    rt.start();
    document.addEventListener("visibilitychange", wake);
    window.addEventListener("pageshow", wake);
    window.addEventListener("focus", wake);
    window.addEventListener("online", wake);
    window.addEventListener("offline", lost);

    return () => {
      document.removeEventListener("visibilitychange", wake);
      window.removeEventListener("pageshow", wake);
      window.removeEventListener("focus", wake);
      window.removeEventListener("online", wake);
      window.removeEventListener("offline", lost);
      rt.stop();
      setClient(null);
    };
  }, [enabled]);

  return { isConnected: state.name === "live", state, client };
}
