/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { RefreshCw } from "lucide-react";
import { useEffect, useState } from "react";
import { useI18n } from "@/i18n";
import { Button } from "@/ui/Button";

/** Asked when the page is shown again, and never more often than this. */
const EVERY_MS = 10 * 60_000;

/** Tells, and never reloads by itself, that a newer inbox is served. */
export function UpdateNotice() {
  const { t } = useI18n();
  const [newer, setNewer] = useState(false);

  useEffect(() => {
    const own = process.env.NEXT_PUBLIC_BUILD ?? "";
    let asked = Date.now();

    const ask = async () => {
      if (document.visibilityState !== "visible" || Date.now() - asked < EVERY_MS) {
        return;
      }
      asked = Date.now();
      try {
        const answer = await fetch("/version.txt", { cache: "no-store" });

        if (answer.ok && (await answer.text()).trim() !== own) {
          setNewer(true);
        }
      } catch {
        /* Without a connection nothing is newer. */
      }
    };
    const onAsk = () => void ask();

    document.addEventListener("visibilitychange", onAsk);
    window.addEventListener("pytake:reconnected", onAsk);
    return () => {
      document.removeEventListener("visibilitychange", onAsk);
      window.removeEventListener("pytake:reconnected", onAsk);
    };
  }, []);

  if (!newer) {
    return null;
  }

  return (
    <div
      role="status"
      className="fixed bottom-4 left-1/2 z-30 flex min-h-11 w-[408px] max-w-[calc(100vw-32px)] -translate-x-1/2 animate-pane items-center gap-2.5 rounded-card bg-ink py-1 pr-2 pl-3.5 text-ink-inverse shadow-float"
    >
      <RefreshCw aria-hidden="true" className="size-[18px] shrink-0" strokeWidth={1.75} />
      <span className="flex-1">{t.newVersion}</span>
      <Button kind="banner" size="sm" onClick={() => location.reload()}>
        {t.reload}
      </Button>
    </div>
  );
}
