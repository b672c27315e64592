/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import {
  type QueryClient,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useMemo } from "react";
import type { Conversation, ConversationBrief, Page, Since } from "@/api/types";
import { api } from "@/session/session";
import { keys, type ListFilter } from "./keys";
import { type ConversationPages, grown, newer, placed, rows } from "./merge";

export const LIST_PAGE = 50;
/** Conversations that became known by an event alone are fetched so many at a time. */
const FETCH_MAX = 4;

const OPEN = "active,pending,snoozed";

/** The head that the first list named: where the socket begins. */
let head: Since | null = null;
/** The newest head that any list named: its rows hold every event up to it. */
let listed = 0;
/** The newest event of a conversation that was applied. */
const applied = new Map<string, number>();
let headKnown: ((since: Since) => void)[] = [];

export function onListHead(then: (since: Since) => void): void {
  if (head !== null) {
    then(head);
  } else {
    headKnown.push(then);
  }
}

export function forgetListHead(): void {
  head = null;
  headKnown = [];
  listed = 0;
  applied.clear();
}

async function fetchPage(
  f: ListFilter,
  me: string,
  cursor: string | null,
  signal: AbortSignal,
): Promise<Page<Conversation>> {
  const page = await api<Page<Conversation>>("/conversations", {
    query: {
      limit: LIST_PAGE,
      status: f.shelf === "closed" ? "closed" : OPEN,
      assigned_to: f.queue === "mine" ? me : undefined,
      unassigned: f.queue === "none" ? true : undefined,
      cursor: cursor ?? undefined,
    },
    signal,
  });

  listed = Math.max(listed, page.since?.seq ?? 0);
  if (head === null && page.since !== undefined) {
    head = page.since;
    for (const then of headKnown) {
      then(page.since);
    }
    headKnown = [];
  }

  return page;
}

export function useConversationList(f: ListFilter, me: string, enabled = true) {
  const client = useQueryClient();
  const query = useInfiniteQuery<
    Page<Conversation>,
    Error,
    ConversationPages,
    ReturnType<typeof keys.list>,
    string | null
  >({
    queryKey: keys.list(f),
    queryFn: async ({ pageParam, signal }) => {
      const page = await fetchPage(f, me, pageParam, signal);

      /* An event may have told more than this answer knew. */
      return { ...page, data: page.data.map((c) => newest(client, c)) };
    },
    initialPageParam: null,
    getNextPageParam: (last) => last.next_cursor,
    structuralSharing: (before: unknown, after: unknown) =>
      grown(before as ConversationPages | undefined, after as ConversationPages),
    enabled,
  });
  const list = useMemo(() => rows(query.data), [query.data]);

  return { ...query, list };
}

/** The latest state of a conversation that the cache has, at least `c`. */
function newest(client: QueryClient, c: Conversation): Conversation {
  const known = client.getQueryData<Conversation>(keys.conversation(c.id));

  return known === undefined ? c : newer(known, c);
}

export function findConversation(client: QueryClient, id: string): Conversation | undefined {
  let best = client.getQueryData<Conversation>(keys.conversation(id));

  for (const [, data] of client.getQueriesData<ConversationPages>({ queryKey: keys.lists })) {
    for (const page of data?.pages ?? []) {
      for (const c of page.data) {
        if (c.id === id) {
          best = best === undefined ? c : newer(c, best);
        }
      }
    }
  }

  return best;
}

/** One conversation: at once when a list has it, else asked for. */
export function useConversation(id: string | null) {
  const client = useQueryClient();

  return useQuery<Conversation>({
    queryKey: keys.conversation(id ?? ""),
    queryFn: async ({ signal }) =>
      newest(client, await api<Conversation>(`/conversations/${id}`, { signal })),
    enabled: id !== null,
    initialData: () => (id === null ? undefined : findConversation(client, id)),
    initialDataUpdatedAt: Date.now,
  });
}

/** The other conversations of a contact, newest first. */
export function useConversationsOf(contact: string) {
  return useQuery({
    queryKey: keys.ofContact(contact),
    queryFn: ({ signal }) =>
      api<Page<Conversation>>("/conversations", {
        query: { contact_id: contact, limit: 10 },
        signal,
      }),
    select: (page) => page.data,
    staleTime: 60_000,
  });
}

/** Puts a conversation as it is now into everything that shows it. */
export function putConversation(client: QueryClient, c: Conversation, me: string): void {
  client.setQueryData<Conversation>(keys.conversation(c.id), (had) =>
    had === undefined ? c : newer(had, c),
  );

  for (const [key, data] of client.getQueriesData<ConversationPages>({ queryKey: keys.lists })) {
    if (data !== undefined) {
      const f = { queue: key[1], shelf: key[2] } as ListFilter;
      client.setQueryData<ConversationPages>(key, placed(data, f, c, me));
    }
  }
}

/** Changes a conversation that is known; nothing when it is not. */
export function patchConversation(
  client: QueryClient,
  id: string,
  change: Partial<Conversation>,
  me: string,
): Conversation | undefined {
  const had = findConversation(client, id);

  if (had !== undefined) {
    const now = { ...had, ...change };

    client.setQueryData<Conversation>(keys.conversation(id), now);
    putConversation(client, now, me);
  }

  return had;
}

const wanted = new Set<string>();
let fetching = 0;

/** An event told of a conversation that no list has: it is asked for, once. */
export function learnConversation(client: QueryClient, id: string, me: string): void {
  wanted.add(id);
  work(client, me);
}

function work(client: QueryClient, me: string): void {
  while (fetching < FETCH_MAX) {
    const id = wanted.values().next().value;

    if (id === undefined) {
      return;
    }
    wanted.delete(id);
    fetching++;
    api<Conversation>(`/conversations/${id}`)
      .then((c) => putConversation(client, c, me))
      .catch(() => {
        /* It is in the next page or the next reload of the list. */
      })
      .finally(() => {
        fetching--;
        work(client, me);
      });
  }
}

/** When an event happened, and its place among the others. */
export interface Told {
  at: string;
  seq: number | undefined;
}

/**
 * The time that a conversation has after an event, or null when the event is an
 * older one than what is known.  Servers that work beside each other stamp two
 * events of one conversation in the wrong order now and then; their `seq` is
 * right always.  So what no list holds yet, and follows the last event, counts
 * whatever its time.
 */
export function toldAt(had: Conversation, { at, seq }: Told): string | null {
  const next = seq !== undefined && seq > Math.max(listed, applied.get(had.id) ?? 0);

  if (next) {
    applied.set(had.id, seq);
  }
  if (had.updated_at <= at) {
    return at;
  }
  return next ? had.updated_at : null;
}

/** What a message event told of its conversation. */
export function applyBrief(
  client: QueryClient,
  brief: ConversationBrief,
  told: Told,
  me: string,
): void {
  const had = findConversation(client, brief.id);
  const at = had === undefined ? null : toldAt(had, told);

  if (had === undefined) {
    learnConversation(client, brief.id, me);
  } else if (at !== null) {
    putConversation(client, { ...had, ...brief, updated_at: at }, me);
  }
}
