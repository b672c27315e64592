/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { RefreshCw, WifiOff } from "lucide-react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { getOutbox, subscribeOutbox } from "@/data/outbox";
import { useI18n } from "@/i18n";
import { useRealtime } from "@/realtime/RealtimeProvider";
import { Button } from "@/ui/Button";

/** A connection that is back this soon was never worth a word. */
const QUIET_MS = 1500;

/** Over the whole inbox: that the connection is lost, or coming back. */
export function ConnectionBanner() {
  const { t, fmt } = useI18n();
  const { state, client, lastLive } = useRealtime();
  const outbox = useSyncExternalStore(subscribeOutbox, getOutbox, getOutbox);
  const lost = state.name === "waiting" || (state.name === "connecting" && state.attempt > 0);
  const back = state.name === "live" && !state.caughtUp;
  const [felt, setFelt] = useState(false);
  const seconds = useSeconds(state.name === "waiting" ? state.retryAt : null);

  useEffect(() => {
    if (!lost && !back) {
      setFelt(false);
      return;
    }

    const timer = setTimeout(() => setFelt(true), QUIET_MS);

    return () => clearTimeout(timer);
  }, [lost, back]);

  if (!felt || (!lost && !back)) {
    return <div role="status" className="sr-only" />;
  }

  const waiting = outbox.filter((i) => i.state !== "failed").length;

  return back ? (
    <div
      role="status"
      className="flex h-9 shrink-0 items-center gap-2 bg-accent-soft px-4 text-accent-ink text-preview-strong"
    >
      <RefreshCw aria-hidden="true" className="size-4" strokeWidth={1.75} />
      {t.comingBack(fmt.time(new Date(lastLive)))}
    </div>
  ) : (
    <div
      role="status"
      className="flex h-9 shrink-0 items-center gap-2 bg-late-soft px-4 text-late text-preview-strong max-md:h-auto max-md:min-h-11 max-md:py-1"
    >
      <WifiOff aria-hidden="true" className="size-4 shrink-0" strokeWidth={1.75} />
      <span className="min-w-0 flex-1 md:truncate">
        {waiting > 0 ? t.offlineQueued(waiting) : t.offline}
      </span>
      <span aria-hidden="true" className="font-normal tabular-nums max-md:hidden">
        {seconds > 0 ? t.retryIn(seconds) : ""}
      </span>
      <Button kind="banner" size="sm" className="max-md:h-11" onClick={() => client?.wake()}>
        {t.retryNow}
      </Button>
    </div>
  );
}

function useSeconds(until: number | null): number {
  const [left, setLeft] = useState(0);

  useEffect(() => {
    if (until === null) {
      setLeft(0);
      return;
    }

    const tick = () => setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000)));
    const timer = setInterval(tick, 500);

    tick();
    return () => clearInterval(timer);
  }, [until]);

  return left;
}
