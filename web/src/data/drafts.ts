/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useSyncExternalStore } from "react";
import { loadJson, storeJson } from "@/lib/storage";

/* What was typed and not sent, a text a conversation, kept in this browser. */

export interface Draft {
  text: string;
  at: number;
}

type Drafts = Readonly<Record<string, Draft>>;

const DRAFTS_MAX = 100;
const NONE: Drafts = {};

let drafts: Drafts = NONE;
let owner: string | null = null;
const listeners = new Set<() => void>();

function isDrafts(v: unknown): v is Record<string, Draft> {
  return (
    typeof v === "object" &&
    v !== null &&
    Object.values(v).every(
      (d) => typeof d === "object" && d !== null && "text" in d && typeof d.text === "string",
    )
  );
}

function key(user: string): string {
  return `pytake.drafts.${user}`;
}

export function startDrafts(user: string): void {
  if (owner !== user) {
    owner = user;
    drafts = loadJson(key(user), isDrafts) ?? NONE;
    window.addEventListener("storage", (ev) => {
      if (owner !== null && ev.key === key(owner)) {
        drafts = loadJson(key(owner), isDrafts) ?? NONE;
        changed();
      }
    });
    changed();
  }
}

function changed(): void {
  for (const listener of listeners) {
    listener();
  }
}

export function getDraft(conversation: string): string {
  return drafts[conversation]?.text ?? "";
}

export function setDraft(conversation: string, text: string): void {
  const { [conversation]: had, ...rest } = drafts;

  if ((had?.text ?? "") === text) {
    return;
  }

  const kept = Object.entries(rest)
    .sort(([, a], [, b]) => b.at - a.at)
    .slice(0, DRAFTS_MAX - 1);

  drafts = Object.fromEntries(
    text.trim() === "" ? kept : [[conversation, { text, at: Date.now() }], ...kept],
  );
  if (owner !== null) {
    storeJson(key(owner), drafts);
  }
  changed();
}

export function useDrafts(): Drafts {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => drafts,
    () => NONE,
  );
}
