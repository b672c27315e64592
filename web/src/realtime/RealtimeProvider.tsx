/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import type { Cursor, PytakeRealtime, RealtimeState, ServerEvent } from "@pytake/client";
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
import { useMe } from "@/session/useSession";
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
  }, [queries]);
  const onEnd = useCallback(() => void sessionRefused(), []);

  const { state, client } = useWebSocket({
    enabled: since !== null,
    since,
    onMessage,
    onResync,
    onEnd,
  });

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
