/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { createContext, type ReactNode, useContext, useMemo, useState } from "react";
import type { ListFilter } from "@/data/keys";
import { load, store } from "@/lib/storage";

/* What the inbox's panes share: the queue that is shown, what is looked for. */

interface Inbox {
  filter: ListFilter;
  setFilter: (f: ListFilter) => void;
  find: string | null;
  setFind: (q: string | null) => void;
  /** The rows in the order on the screen, for the keys that walk the list. */
  order: { current: readonly string[] };
}

const Context = createContext<Inbox | null>(null);
const KEY = "pytake.queue";

function kept(): ListFilter {
  const queue = load(KEY);

  return { queue: queue === "mine" || queue === "none" ? queue : "all", shelf: "open" };
}

export function InboxProvider({ children }: { children: ReactNode }) {
  const [filter, set] = useState<ListFilter>(kept);
  const [find, setFind] = useState<string | null>(null);
  const [order] = useState<{ current: readonly string[] }>({ current: [] });
  const value = useMemo(
    () => ({
      filter,
      setFilter(f: ListFilter) {
        store(KEY, f.queue);
        set(f);
      },
      find,
      setFind,
      order,
    }),
    [filter, find, order],
  );

  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useInbox(): Inbox {
  const value = useContext(Context);

  if (value === null) {
    throw new Error("useInbox needs an InboxProvider above it");
  }

  return value;
}
