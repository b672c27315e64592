/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useSyncExternalStore } from "react";
import { usePhone } from "@/lib/media";
import { load, store } from "@/lib/storage";

/* Small choices of this browser: on or off. */

const DEFAULTS = { sound: true, enterSends: true, singleKeys: true, panel: true };

export type Preference = keyof typeof DEFAULTS;

const listeners = new Set<() => void>();

export function preference(name: Preference): boolean {
  const kept = load(`pytake.${name}`);

  return kept === null ? DEFAULTS[name] : kept === "1";
}

export function setPreference(name: Preference, on: boolean): void {
  store(`pytake.${name}`, on ? "1" : "0");
  for (const listener of listeners) {
    listener();
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function usePreference(name: Preference): boolean {
  return useSyncExternalStore(
    subscribe,
    () => preference(name),
    () => DEFAULTS[name],
  );
}

/** Whether Enter alone sends; on a phone's keyboard it only breaks the line. */
export function useEnterSends(): boolean {
  const wanted = usePreference("enterSends");

  return !usePhone() && wanted;
}
