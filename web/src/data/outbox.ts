/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { QueryClient } from "@tanstack/react-query";
import { ApiError, NetworkError } from "@/api/http";
import type { Message } from "@/api/types";
import { newId } from "@/lib/ids";
import { load, loadJson, store, storeJson } from "@/lib/storage";
import { api, SignedOut } from "@/session/session";
import { withMessage } from "./merge";
import { changeThread } from "./messages";

/*
 * What was written and is not known to the server yet.  Each message has one
 * id from the click on: it is the idempotency key of every try, and stands in
 * the message's metadata, so that the server's copy takes the place of this one
 * whether the answer or the event comes first.  Of a conversation one is on its
 * way at a time, in the order in which they were written.  The list survives a
 * reload; a tab that was closed leaves it to the next.
 */

export interface OutboxItem {
  client_id: string;
  conversation_id: string;
  content: string;
  reply_to: string | null;
  at: string;
  state: "waiting" | "sending" | "failed";
  /** Why it failed: a problem's code. */
  code: string | null;
}

export const TEXT_MAX = 4096;
const RETRY_MS = 2000;
const RETRY_CAP_MS = 30_000;
const ITEMS_MAX = 200;

let items: readonly OutboxItem[] = [];
let owner: string | null = null;
let tab = "";
let client: QueryClient | null = null;
let failures = 0;
let timer: ReturnType<typeof setTimeout> | null = null;
const listeners = new Set<() => void>();
const busy = new Set<string>();

export function getOutbox(): readonly OutboxItem[] {
  return items;
}

export function subscribeOutbox(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function isItem(v: unknown): v is OutboxItem {
  return (
    typeof v === "object" &&
    v !== null &&
    "client_id" in v &&
    "conversation_id" in v &&
    "content" in v &&
    typeof v.content === "string"
  );
}

function isList(v: unknown): v is OutboxItem[] {
  return Array.isArray(v) && v.every(isItem);
}

function key(user: string, of: string): string {
  return `pytake.outbox.${user}.${of}`;
}

function set(next: readonly OutboxItem[]): void {
  items = next;
  if (owner !== null) {
    if (items.length === 0) {
      store(key(owner, tab), null);
    } else {
      storeJson(key(owner, tab), items);
    }
  }
  for (const listener of listeners) {
    listener();
  }
}

/** This tab's name, which a reload keeps. */
function tabName(): string {
  try {
    const had = sessionStorage.getItem("pytake.tab");
    const name = had ?? newId();

    sessionStorage.setItem("pytake.tab", name);
    return name;
  } catch {
    return newId();
  }
}

/** Loads what this user left, here and in tabs that are gone, and sends it. */
export function startOutbox(queries: QueryClient, user: string): void {
  client = queries;
  if (owner === user) {
    return;
  }

  owner = user;
  tab = tabName();
  set(revived(loadJson(key(user, tab), isList)));
  void claim(user).then(flush);
}

export function stopOutbox(): void {
  owner = null;
  client = null;
  items = [];
  if (timer !== null) {
    clearTimeout(timer);
    timer = null;
  }
}

function revived(list: OutboxItem[] | null): OutboxItem[] {
  return (list ?? []).map((i) => (i.state === "sending" ? { ...i, state: "waiting" } : i));
}

/** Holds this tab's name, and takes over the lists whose tab is gone. */
async function claim(user: string): Promise<void> {
  if (navigator.locks === undefined) {
    return;
  }

  void navigator.locks.request(`pytake.tab.${tab}`, { ifAvailable: true }, (lock) =>
    lock === null ? undefined : new Promise(() => {}),
  );

  const prefix = key(user, "");
  const others: string[] = [];

  try {
    for (let i = 0; i < localStorage.length; i++) {
      const name = localStorage.key(i);

      if (name?.startsWith(prefix) && name !== key(user, tab)) {
        others.push(name);
      }
    }
  } catch {
    return;
  }

  for (const name of others) {
    await navigator.locks.request(
      `pytake.tab.${name.slice(prefix.length)}`,
      { ifAvailable: true },
      (lock) => {
        if (lock !== null && load(name) !== null && owner === user) {
          const left = revived(loadJson(name, isList));

          store(name, null);
          set([...left, ...items]);
        }
      },
    );
  }
}

/** Puts a text into the queue and tries to send it; returns its one id. */
export function enqueue(conversation: string, content: string, replyTo: string | null): string {
  const item: OutboxItem = {
    client_id: newId(),
    conversation_id: conversation,
    content,
    reply_to: replyTo,
    at: new Date().toISOString(),
    state: "waiting",
    code: null,
  };

  set([...items, item].slice(-ITEMS_MAX));
  flush();
  return item.client_id;
}

export function retryItem(id: string): void {
  change(id, { state: "waiting", code: null });
  flush();
}

export function dropItem(id: string): void {
  set(items.filter((i) => i.client_id !== id));
}

/** The server has it: by its answer or by an event. */
export function settleItem(id: string): void {
  if (items.some((i) => i.client_id === id)) {
    dropItem(id);
  }
}

function change(id: string, to: Partial<OutboxItem>): void {
  set(items.map((i) => (i.client_id === id ? { ...i, ...to } : i)));
}

/** Sends what waits; called when the connection is back, too. */
export function flush(): void {
  if (timer !== null) {
    clearTimeout(timer);
    timer = null;
  }

  for (const item of items) {
    if (!busy.has(item.conversation_id) && item.state === "waiting") {
      const first = items.find(
        (i) => i.conversation_id === item.conversation_id && i.state !== "failed",
      );

      if (first === item) {
        void send(item);
      }
    }
  }
}

async function send(item: OutboxItem): Promise<void> {
  busy.add(item.conversation_id);
  change(item.client_id, { state: "sending" });
  let goOn = true;

  try {
    const message = await api<Message>(`/conversations/${item.conversation_id}/messages`, {
      method: "POST",
      headers: { "Idempotency-Key": item.client_id },
      body: {
        content: item.content,
        ...(item.reply_to === null ? {} : { reply_to: item.reply_to }),
        metadata: { client_id: item.client_id },
      },
    });

    failures = 0;
    if (client !== null) {
      changeThread(client, item.conversation_id, (pages) => withMessage(pages, message));
    }
    settleItem(item.client_id);
  } catch (err) {
    goOn = refused(item, err);
  } finally {
    busy.delete(item.conversation_id);
  }

  if (goOn && timer === null) {
    flush();
  }
}

/** Whether the others may be sent now. */
function refused(item: OutboxItem, err: unknown): boolean {
  if (err instanceof ApiError && !err.transient && err.code !== "idempotency_in_progress") {
    change(item.client_id, { state: "failed", code: err.code });
    return true;
  }

  change(item.client_id, { state: "waiting" });

  if (err instanceof SignedOut) {
    return false; /* it goes on when somebody has signed in again */
  }

  if (err instanceof NetworkError || err instanceof ApiError) {
    const wait =
      err instanceof ApiError && err.retryAfter !== null
        ? err.retryAfter * 1000
        : Math.min(RETRY_CAP_MS, RETRY_MS * 2 ** failures);

    failures = Math.min(failures + 1, 8);
    timer ??= setTimeout(() => {
      timer = null;
      flush();
    }, wait);
    return true;
  }

  throw err;
}
