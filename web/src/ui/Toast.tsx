/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { Check, CircleAlert, X } from "lucide-react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { useI18n } from "@/i18n";
import { cn } from "@/lib/cn";
import { Button, IconButton } from "./Button";

/* One line at the bottom, above the box to write in: what was done, with Undo for six seconds, or what failed. */

export interface Toast {
  text: string;
  failed?: boolean;
  undo?: () => void;
}

export const TOAST_MS = 6000;

let current: (Toast & { id: number }) | null = null;
let last = 0;
const listeners = new Set<() => void>();

export function toast(next: Toast | null): void {
  last++;
  current = next === null ? null : { ...next, id: last };
  for (const listener of listeners) {
    listener();
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** How long Undo is still there. */
function Seconds() {
  const [left, setLeft] = useState(TOAST_MS / 1000);

  useEffect(() => {
    const timer = setInterval(() => setLeft((s) => Math.max(1, s - 1)), 1000);

    return () => clearInterval(timer);
  }, []);

  return (
    <span aria-hidden="true" className="ml-2.5 text-meta tabular-nums">
      {left} s
    </span>
  );
}

export function Toasts() {
  const { t } = useI18n();
  const shown = useSyncExternalStore(
    subscribe,
    () => current,
    () => null,
  );

  useEffect(() => {
    if (shown === null) {
      return;
    }

    const timer = setTimeout(() => {
      if (current?.id === shown.id) {
        toast(null);
      }
    }, TOAST_MS);

    return () => clearTimeout(timer);
  }, [shown]);

  return (
    <div
      role="status"
      className="pointer-events-none fixed inset-x-0 bottom-[var(--foot,16px)] z-30 mb-2 flex justify-center px-4 max-md:bottom-[var(--foot,72px)]"
    >
      {shown !== null && (
        <div
          key={shown.id}
          className={cn(
            "pointer-events-auto flex min-h-11 w-[408px] max-w-full animate-pane items-center gap-2.5 rounded-card py-1 pr-2 pl-3.5 shadow-float",
            shown.failed
              ? "border border-fail-line border-l-3 border-l-fail bg-card text-ink"
              : "bg-ink text-ink-inverse",
          )}
        >
          {shown.failed ? (
            <CircleAlert
              aria-hidden="true"
              className="size-[18px] shrink-0 text-fail"
              strokeWidth={1.75}
            />
          ) : (
            <Check aria-hidden="true" className="size-[18px] shrink-0" strokeWidth={1.75} />
          )}
          <span className="min-w-0 flex-1">
            {shown.text}
            {shown.undo !== undefined && <Seconds key={shown.id} />}
          </span>
          {shown.undo !== undefined && (
            <Button
              kind="banner"
              size="sm"
              onClick={() => {
                shown.undo?.();
                toast(null);
              }}
            >
              {t.undo}
            </Button>
          )}
          {shown.failed && (
            <IconButton size="sm" label={t.close} onClick={() => toast(null)}>
              <X className="size-4" />
            </IconButton>
          )}
        </div>
      )}
    </div>
  );
}
