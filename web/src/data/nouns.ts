/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { type QueryClient, useQuery } from "@tanstack/react-query";
import { ApiError } from "@/api/http";
import type { QuickReply, QuickReplyInput, Tag, TagInput } from "@/api/types";
import { api } from "@/session/session";
import { all } from "./directory";
import { keys } from "./keys";

/*
 * What the tenant keeps for all who work in it: tags and quick replies.  Both
 * are nouns of the API, with the same five operations and the same events.
 */

export interface Nouns {
  tags: Tag;
  "quick-replies": QuickReply;
}
export interface NounInputs {
  tags: TagInput;
  "quick-replies": QuickReplyInput;
}
export type NounKind = keyof Nouns;
export type NounEvent = "created" | "updated" | "deleted";

interface Row {
  id: string;
  updated_at: string;
}

/** A thing as the server has it, and the version that If-Match names. */
export interface Kept<T> {
  value: T;
  etag: string;
}

/**
 * A list after an event, or after an answer to a write.  One thing may be told
 * twice, and in any order: the later `updated_at` wins.
 */
export function listAfter<T extends Row>(list: readonly T[], what: NounEvent, row: T): T[] {
  if (what === "deleted") {
    return list.filter((x) => x.id !== row.id);
  }

  const had = list.find((x) => x.id === row.id);

  if (had === undefined) {
    return what === "created" ? [row, ...list] : [...list];
  }
  return list.map((x) => (x.id === row.id && x.updated_at <= row.updated_at ? row : x));
}

type Told = { kind: NounKind; what: NounEvent; row: Row };

/** What was told while a list was on its way: the answer may be older. */
const underway = new Set<Told[]>();

async function whole<K extends NounKind>(kind: K, signal: AbortSignal): Promise<Nouns[K][]> {
  const told: Told[] = [];

  underway.add(told);
  try {
    const list = await all<Nouns[K]>(`/${kind}`, signal);

    return told
      .filter((x) => x.kind === kind)
      .reduce((l, x) => listAfter(l, x.what, x.row as Nouns[K]), list);
  } finally {
    underway.delete(told);
  }
}

export function useNouns<K extends NounKind>(kind: K, enabled = true) {
  return useQuery<Nouns[K][]>({
    queryKey: keys.noun(kind),
    queryFn: ({ signal }) => whole(kind, signal),
    enabled,
  });
}

export function tellNoun<K extends NounKind>(
  client: QueryClient,
  kind: K,
  what: NounEvent,
  row: Nouns[K],
): void {
  for (const told of underway) {
    told.push({ kind, what, row });
  }
  client.setQueryData<Nouns[K][]>(keys.noun(kind), (list) =>
    list === undefined ? undefined : listAfter(list, what, row),
  );
}

async function asked<T>(path: string, r: Parameters<typeof api>[1]): Promise<Kept<T>> {
  let etag = "";
  const value = await api<T>(path, {
    ...r,
    onHead: (headers) => {
      etag = headers.get("ETag") ?? "";
    },
  });

  return { value, etag };
}

export function readNoun<K extends NounKind>(kind: K, id: string): Promise<Kept<Nouns[K]>> {
  return asked(`/${kind}/${id}`, {});
}

/** `key`: the same for each try of one and the same thing. */
export function createNoun<K extends NounKind>(
  kind: K,
  body: NounInputs[K],
  key: string,
): Promise<Kept<Nouns[K]>> {
  return asked(`/${kind}`, { method: "POST", headers: { "Idempotency-Key": key }, body });
}

/** Throws ApiError 412 when somebody has changed it since `etag`. */
export function changeNoun<K extends NounKind>(
  kind: K,
  id: string,
  etag: string,
  body: Partial<NounInputs[K]>,
): Promise<Kept<Nouns[K]>> {
  return asked(`/${kind}/${id}`, { method: "PATCH", headers: { "If-Match": etag }, body });
}

/** Whoever deletes what somebody else has deleted has what they want. */
export async function deleteNoun(kind: NounKind, id: string): Promise<void> {
  try {
    await api(`/${kind}/${id}`, { method: "DELETE" });
  } catch (err) {
    if (!(err instanceof ApiError && err.status === 404)) {
      throw err;
    }
  }
}

/** A quick reply's text as the customer of a conversation would read it. */
export async function renderQuickReply(id: string, conversation: string): Promise<string> {
  const answer = await api<{ content: string }>(`/quick-replies/${id}/render`, {
    method: "POST",
    body: { conversation_id: conversation },
  });

  return answer.content;
}
