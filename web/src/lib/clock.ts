/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useSyncExternalStore } from "react";

/*
 * One timer for all that shows relative times: it ticks at each whole minute
 * and when the page is shown again after a sleep.
 */
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setTimeout> | null = null;

function tick(): void {
  now = Date.now();
  for (const listener of listeners) {
    listener();
  }
  arm();
}

function arm(): void {
  if (timer !== null) {
    clearTimeout(timer);
  }
  timer = setTimeout(tick, 60_000 - (Date.now() % 60_000) + 20);
}

function shown(): void {
  if (document.visibilityState === "visible") {
    tick();
  }
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    now = Date.now();
    arm();
    document.addEventListener("visibilitychange", shown);
  }
  listeners.add(listener);

  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      if (timer !== null) {
        clearTimeout(timer);
        timer = null;
      }
      document.removeEventListener("visibilitychange", shown);
    }
  };
}

/** The time in milliseconds, anew each minute. */
export function useMinute(): number {
  return useSyncExternalStore(
    subscribe,
    () => now,
    () => 0,
  );
}
