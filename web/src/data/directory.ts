/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Colleague, Page, WhatsAppNumber } from "@/api/types";
import { api } from "@/session/session";
import { keys } from "./keys";

const PAGES_MAX = 10;

/** All pages of a list. */
export async function all<T>(path: string, signal: AbortSignal): Promise<T[]> {
  const list: T[] = [];
  let cursor: string | null = null;

  for (let i = 0; i < PAGES_MAX; i++) {
    const page: Page<T> = await api<Page<T>>(path, {
      query: { limit: 100, cursor: cursor ?? undefined },
      signal,
    });

    list.push(...page.data);
    cursor = page.next_cursor;
    if (cursor === null) {
      break;
    }
  }

  return list;
}

/** The people of the tenant. */
export function useColleagues(): Colleague[] {
  const query = useQuery({
    queryKey: keys.users,
    queryFn: ({ signal }) => all<Colleague>("/users", signal),
    staleTime: 5 * 60_000,
  });

  return useMemo(() => query.data ?? [], [query.data]);
}

export function useColleague(id: string | null): Colleague | undefined {
  const people = useColleagues();

  return id === null ? undefined : people.find((p) => p.id === id);
}

/** The tenant's WhatsApp numbers. */
export function useNumbers(): WhatsAppNumber[] {
  const query = useQuery({
    queryKey: keys.numbers,
    queryFn: ({ signal }) => all<WhatsAppNumber>("/whatsapp-configs", signal),
    staleTime: 5 * 60_000,
  });

  return useMemo(() => query.data ?? [], [query.data]);
}
