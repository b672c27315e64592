/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useSyncExternalStore } from "react";

/*
 * What colleagues do at this moment: who is there, who looks at which
 * conversation, who writes in it.  Nothing of this is kept.
 */

interface Here {
  status: string;
  viewing: string | null;
}

/** A typing_stop that got lost: the hub stops after 6 s, this a little later. */
const TYPING_MS = 8_000;
const NOBODY: readonly string[] = [];

let here: ReadonlyMap<string, Here> = new Map();
let typing: ReadonlyMap<string, readonly string[]> = new Map();
const timers = new Map<string, ReturnType<typeof setTimeout>>();
const listeners = new Set<() => void>();

function changed(): void {
  for (const listener of listeners) {
    listener();
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function tellPresence(user: string, status: string, viewing: string | null): void {
  const next = new Map(here);

  if (status === "offline") {
    next.delete(user);
  } else {
    next.set(user, { status, viewing });
  }
  here = next;
  changed();
}

export function tellTyping(conversation: string, user: string, on: boolean): void {
  const name = `${conversation} ${user}`;
  const had = typing.get(conversation) ?? NOBODY;
  const rest = had.filter((u) => u !== user);
  const next = new Map(typing);
  const list = on ? [...rest, user] : rest;

  clearTimeout(timers.get(name));
  timers.delete(name);
  if (on) {
    timers.set(
      name,
      setTimeout(() => tellTyping(conversation, user, false), TYPING_MS),
    );
  }

  if (list.length === 0) {
    next.delete(conversation);
  } else {
    next.set(conversation, list);
  }
  typing = next;
  changed();
}

/** The connection is lost: what people do is not known any more. */
export function forgetPeople(): void {
  for (const timer of timers.values()) {
    clearTimeout(timer);
  }
  timers.clear();
  here = new Map();
  typing = new Map();
  changed();
}

/** The users who write in a conversation, whoever began last being last. */
export function useTyping(conversation: string): readonly string[] {
  return useSyncExternalStore(
    subscribe,
    () => typing.get(conversation) ?? NOBODY,
    () => NOBODY,
  );
}

let viewersOf: { map: ReadonlyMap<string, Here>; lists: Map<string, readonly string[]> } = {
  map: here,
  lists: new Map(),
};

function viewers(conversation: string): readonly string[] {
  if (viewersOf.map !== here) {
    viewersOf = { map: here, lists: new Map() };
  }

  let list = viewersOf.lists.get(conversation);

  if (list === undefined) {
    list = [...here].filter(([, h]) => h.viewing === conversation).map(([user]) => user);
    viewersOf.lists.set(conversation, list.length === 0 ? NOBODY : list);
  }

  return viewersOf.lists.get(conversation) ?? NOBODY;
}

/** The users who have a conversation on their screen. */
export function useViewers(conversation: string): readonly string[] {
  return useSyncExternalStore(
    subscribe,
    () => viewers(conversation),
    () => NOBODY,
  );
}

export function useStatus(user: string): string {
  return useSyncExternalStore(
    subscribe,
    () => here.get(user)?.status ?? "offline",
    () => "offline",
  );
}
