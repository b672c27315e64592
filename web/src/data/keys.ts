/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

export type Queue = "mine" | "none" | "all";
export type Shelf = "open" | "closed";

export interface ListFilter {
  queue: Queue;
  shelf: Shelf;
}

/** The cache's keys: everything that the server told is under one of these. */
export const keys = {
  lists: ["conversations"] as const,
  list: (f: ListFilter) => ["conversations", f.queue, f.shelf] as const,
  conversation: (id: string) => ["conversation", id] as const,
  messages: (id: string) => ["messages", id] as const,
  ofContact: (id: string) => ["of-contact", id] as const,
  users: ["users"] as const,
  numbers: ["numbers"] as const,
  noun: (kind: "tags" | "quick-replies") => [kind] as const,
};
