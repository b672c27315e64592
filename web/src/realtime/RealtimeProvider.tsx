/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import {
  CLOSE_SESSION_REVOKED,
  type Cursor,
  type PytakeRealtime,
  type RealtimeState,
  type ServerEvent,
} from "@pytake/client";
import { useQueryClient } from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { onListHead } from "@/data/conversations";
import { keys } from "@/data/keys";
import { flush } from "@/data/outbox";
import { useNotifier } from "@/notify/useNotifier";
import { sessionRefused } from "@/session/session";
import { useMe, useSession } from "@/session/useSession";
import { applyEvent } from "./apply";
import { forgetPeople } from "./people";
import { useWebSocket } from "./useWebSocket";

interface Realtime {
  state: RealtimeState;
  client: PytakeRealtime | null;
  /** When the last event or answer came, for "what you see is from". */
  lastLive: number;
}

const Context = createContext<Realtime | null>(null);

/** One socket for the whole inbox; its events patch the query cache. */
export function RealtimeProvider({ children }: { children: ReactNode }) {
  const me = useMe();
  const signedIn = useSession().name === "in";
  const queries = useQueryClient();
  const notify = useNotifier();
  const [since, setSince] = useState<Cursor | null>(null);
  const lastLive = useRef(Date.now());

  useEffect(() => {
    onListHead(setSince);
  }, []);

  const onMessage = useCallback(
    (ev: ServerEvent) => {
      lastLive.current = Date.now();
      applyEvent(queries, ev, me.id, { onInbound: notify });
    },
    [queries, me.id, notify],
  );
  const onResync = useCallback(() => {
    void queries.invalidateQueries({ queryKey: keys.lists });
    void queries.invalidateQueries({ queryKey: ["conversation"] });
    void queries.invalidateQueries({ queryKey: ["messages"] });
    void queries.invalidateQueries({ queryKey: keys.noun("tags") });
    void queries.invalidateQueries({ queryKey: keys.noun("quick-replies") });
  }, [queries]);
  const latest = useRef<PytakeRealtime | null>(null);
  const onEnd = useCallback(async (code: number) => {
    /* The cookie may be of another session already, from another tab. */
    if ((await sessionRefused()) && code === CLOSE_SESSION_REVOKED) {
      latest.current?.start();
    }
  }, []);

  const { state, client } = useWebSocket({
    enabled: since !== null,
    since,
    onMessage,
    onResync,
    onEnd: (code) => void onEnd(code),
  });

  useEffect(() => {
    latest.current = client;
  }, [client]);

  /* Somebody has signed in again: the socket goes on where it was. */
  useEffect(() => {
    if (signedIn && client?.state.name === "ended") {
      client.start();
    }
  }, [signedIn, client]);

  useEffect(() => {
    if (state.name === "live") {
      lastLive.current = Date.now();
      flush();
      window.dispatchEvent(new Event("pytake:reconnected"));
    } else if (state.name === "waiting") {
      forgetPeople();
    }
  }, [state.name]);

  const value = useMemo(() => ({ state, client, lastLive: lastLive.current }), [state, client]);

  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useRealtime(): Realtime {
  const value = useContext(Context);

  if (value === null) {
    throw new Error("useRealtime needs a RealtimeProvider above it");
  }

  return value;
}
