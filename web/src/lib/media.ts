/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useCallback, useSyncExternalStore } from "react";

/** Whether a media query holds; false while the exported page is still bare. */
export function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const list = window.matchMedia(query);

      list.addEventListener("change", listener);
      return () => list.removeEventListener("change", listener);
    },
    [query],
  );

  return useSyncExternalStore(
    subscribe,
    () => window.matchMedia(query).matches,
    () => false,
  );
}

/** One pane at a time. */
export const usePhone = () => useMedia("(max-width: 767px)");
/** Room for the contact panel beside the thread. */
export const useWide = () => useMedia("(min-width: 1280px)");
