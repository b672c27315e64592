/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { InfiniteData } from "@tanstack/react-query";
import type { Conversation, Message, MessageStatus, Page } from "@/api/types";
import type { ListFilter } from "./keys";

/*
 * How what REST answers and what the socket tells become one state.  Answers
 * and events overtake each other, so each merge gives the same whatever the
 * order: of a conversation the later `updated_at` wins, of a message's status
 * the higher rank.
 */

export type ConversationPages = InfiniteData<Page<Conversation>, string | null>;
export type MessagePages = InfiniteData<Page<Message>, string | null>;

const RANK: Record<MessageStatus, number> = {
  pending: 0,
  sent: 1,
  failed: 2,
  delivered: 3,
  read: 4,
};

export function fits(f: ListFilter, c: Conversation, me: string): boolean {
  if ((c.status === "closed") !== (f.shelf === "closed")) {
    return false;
  }

  return f.queue === "all" || (f.queue === "mine" ? c.assigned_to === me : c.assigned_to === null);
}

/** What the list is sorted by: the server's own order. */
export function activity(c: Conversation): string {
  return c.last_message_time ?? c.created_at;
}

export function byActivity(a: Conversation, b: Conversation): number {
  const x = activity(a);
  const y = activity(b);

  return x === y ? (a.id < b.id ? 1 : -1) : x < y ? 1 : -1;
}

export function newer(a: Conversation, b: Conversation): Conversation {
  return a.updated_at > b.updated_at ? a : b;
}

/**
 * An answer that adds a page: it was put together with the pages that were there
 * when it was asked for, and events may have changed them since.
 */
export function grown<T>(
  before: InfiniteData<T, string | null> | undefined,
  after: InfiniteData<T, string | null>,
): InfiniteData<T, string | null> {
  return before !== undefined && after.pages.length === before.pages.length + 1
    ? { ...after, pages: [...before.pages, ...after.pages.slice(-1)] }
    : after;
}

/** All rows of a list, each once, newest first. */
export function rows(pages: ConversationPages | undefined): Conversation[] {
  const all = new Map<string, Conversation>();

  for (const page of pages?.pages ?? []) {
    for (const c of page.data) {
      const had = all.get(c.id);
      all.set(c.id, had === undefined ? c : newer(had, c));
    }
  }

  return [...all.values()].sort(byActivity);
}

/**
 * A list with `c` as it is now: changed in place, taken out, or put in.  One
 * that belongs behind the last row that is loaded is left to a later page.
 */
export function placed(
  pages: ConversationPages,
  f: ListFilter,
  c: Conversation,
  me: string,
): ConversationPages {
  const wanted = fits(f, c, me);
  let found = false;
  let changed = false;

  const next = pages.pages.map((page) => {
    const at = page.data.findIndex((x) => x.id === c.id);

    if (at < 0) {
      return page;
    }

    const had = page.data[at] as Conversation;

    if (wanted && had.updated_at > c.updated_at) {
      found = true;
      return page;
    }

    changed = true;
    if (!wanted || found) {
      return { ...page, data: page.data.filter((x) => x.id !== c.id) };
    }
    found = true;
    return { ...page, data: page.data.map((x) => (x.id === c.id ? c : x)) };
  });

  const first = next[0];

  if (wanted && !found && first !== undefined) {
    const last = next.at(-1);
    const oldest = last?.data.at(-1);
    const more = last?.next_cursor != null;

    if (!more || oldest === undefined || byActivity(c, oldest) < 0) {
      next[0] = { ...first, data: [c, ...first.data] };
      changed = true;
    }
  }

  return changed ? { ...pages, pages: next } : pages;
}

/** The further of two states of one message. */
export function mergeMessage(had: Message, now: Message): Message {
  return RANK[had.status] > RANK[now.status]
    ? { ...now, status: had.status, error: had.error }
    : now;
}

export function raised(m: Message, change: Partial<Message> & { status: MessageStatus }): Message {
  if (RANK[change.status] < RANK[m.status]) {
    return m;
  }

  return {
    ...m,
    ...change,
    whatsapp_message_id: change.whatsapp_message_id ?? m.whatsapp_message_id,
  };
}

/** A thread with `m` in it; in front when it is new. */
export function withMessage(pages: MessagePages, m: Message): MessagePages {
  let found = false;
  const next = pages.pages.map((page) => {
    if (found || !page.data.some((x) => x.id === m.id)) {
      return page;
    }
    found = true;
    return { ...page, data: page.data.map((x) => (x.id === m.id ? mergeMessage(x, m) : x)) };
  });

  if (!found && next[0] !== undefined) {
    const oldest = next.at(-1)?.data.at(-1);

    if (next.at(-1)?.next_cursor == null || oldest === undefined || m.id > oldest.id) {
      next[0] = { ...next[0], data: [m, ...next[0].data] };
    }
  }

  return { ...pages, pages: next };
}

export function mapMessage(
  pages: MessagePages,
  id: string,
  change: (m: Message) => Message,
): MessagePages {
  let changed = false;
  const next = pages.pages.map((page) => {
    const at = page.data.findIndex((x) => x.id === id);

    if (at < 0) {
      return page;
    }

    const had = page.data[at] as Message;
    const now = change(had);

    if (now === had) {
      return page;
    }
    changed = true;
    return { ...page, data: page.data.map((x) => (x.id === id ? now : x)) };
  });

  return changed ? { ...pages, pages: next } : pages;
}

/** A thread's pages, oldest first, each message once. */
export function blocks(pages: MessagePages | undefined): Message[][] {
  const seen = new Set<string>();
  const out: Message[][] = [];

  for (const page of pages?.pages ?? []) {
    const block = page.data.filter((m) => !seen.has(m.id) && seen.add(m.id));

    if (block.length > 0) {
      block.sort((a, b) => (a.id < b.id ? -1 : 1));
      out.push(block);
    }
  }

  return out.reverse();
}
