/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import {
  type InfiniteData,
  infiniteQueryOptions,
  type QueryClient,
  useInfiniteQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useMemo } from "react";
import type { Message, Page } from "@/api/types";
import { api } from "@/session/session";
import { keys } from "./keys";
import { blocks, grown, type MessagePages, mergeMessage } from "./merge";

export const THREAD_PAGE = 40;

function options(id: string) {
  return infiniteQueryOptions<
    Page<Message>,
    Error,
    MessagePages,
    ReturnType<typeof keys.messages>,
    string | null
  >({
    queryKey: keys.messages(id),
    queryFn: ({ pageParam, signal }) =>
      api<Page<Message>>(`/conversations/${id}/messages`, {
        query: { limit: THREAD_PAGE, cursor: pageParam ?? undefined },
        signal,
      }),
    initialPageParam: null,
    getNextPageParam: (last) => last.next_cursor,
    /* An answer that is older than an event must not take it back. */
    structuralSharing: (before: unknown, after: unknown) =>
      merged(
        before as MessagePages | undefined,
        grown(before as MessagePages | undefined, after as MessagePages),
      ),
  });
}

function merged(before: MessagePages | undefined, after: MessagePages): MessagePages {
  if (before === undefined || before === after) {
    return after;
  }

  const had = new Map<string, Message>();

  for (const page of before.pages) {
    for (const m of page.data) {
      had.set(m.id, m);
    }
  }

  return {
    ...after,
    pages: after.pages.map((page) => ({
      ...page,
      data: page.data.map((m) => {
        const old = had.get(m.id);
        return old === undefined || old === m ? m : mergeMessage(old, m);
      }),
    })),
  };
}

/** A conversation's messages in blocks of a page, oldest first. */
export function useThread(id: string) {
  const query = useInfiniteQuery(options(id));
  const list = useMemo(() => blocks(query.data), [query.data]);

  return { ...query, blocks: list };
}

/** Fetches a thread's first page before it is opened. */
export function usePrefetchThread(): (id: string) => void {
  const client = useQueryClient();

  return (id) => {
    void client.prefetchInfiniteQuery({ ...options(id), staleTime: 60_000 });
  };
}

export function changeThread(
  client: QueryClient,
  conversation: string,
  change: (pages: InfiniteData<Page<Message>, string | null>) => MessagePages,
): void {
  client.setQueryData<MessagePages>(keys.messages(conversation), (pages) =>
    pages === undefined ? undefined : change(pages),
  );
}
