/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { type KeyboardEvent, type RefObject, useMemo, useRef, useState } from "react";
import { type Nouns, renderQuickReply, useNouns } from "@/data/nouns";
import { useI18n } from "@/i18n";
import { SignedOut } from "@/session/session";
import { toast } from "@/ui/Toast";
import { matching, slashed, withReply } from "./quickReplies";

const NONE: Nouns["quick-replies"][] = [];

export const LISTBOX = "quick-replies";
export const optionId = (id: string) => `quick-reply-${id}`;

interface Options {
  conversation: string;
  text: string;
  latest: RefObject<string>;
  onText: (text: string) => void;
  box: RefObject<HTMLTextAreaElement | null>;
}

/**
 * The menu of quick replies above the box: opened by a slash in the empty box,
 * or by its button; what is typed behind the slash filters it.
 *
 * The box has the focus all the while, as in a combobox: the listbox and the
 * active option are named by aria-controls and aria-activedescendant.  Its own
 * role stays that of a box of several lines, which a combobox cannot be.
 */
export function useQuickReplies({ conversation, text, latest, onText, box }: Options) {
  const { t } = useI18n();
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  const [busy, setBusy] = useState(false);
  const caret = useRef<number | null>(null);
  const { data, isError } = useNouns("quick-replies", open);
  const query = slashed(text) ?? "";
  const list = useMemo(() => (open ? matching(data ?? NONE, query) : NONE), [open, data, query]);
  const at = Math.min(active, Math.max(0, list.length - 1));
  const current = list[at];

  const onType = (value: string) => {
    setOpen(value === "/" && text === "" ? true : open && slashed(value) !== null);
    setActive(0);
    onText(value);
  };
  const toggle = () => {
    setActive(0);
    setOpen(!open);
    if (!open && text === "") {
      onText("/");
    }
    box.current?.focus();
  };
  const choose = async (id: string) => {
    if (busy) {
      return;
    }
    caret.current = box.current?.selectionStart ?? null;
    setBusy(true);
    try {
      const content = await renderQuickReply(id, conversation);
      const had = latest.current;
      const next = withReply(had, content, caret.current ?? had.length);

      onText(next.text);
      setOpen(false);
      requestAnimationFrame(() => {
        box.current?.focus();
        box.current?.setSelectionRange(next.at, next.at);
      });
    } catch (err) {
      if (!(err instanceof SignedOut)) {
        toast({ text: t.actionFailed, failed: true });
      }
    }
    setBusy(false);
  };
  /** Whether the key was the menu's. */
  const onKeyDown = (ev: KeyboardEvent): boolean => {
    if (!open) {
      return false;
    }
    if (ev.key === "Escape") {
      setOpen(false);
    } else if (current === undefined || ev.ctrlKey || ev.metaKey || ev.altKey || ev.shiftKey) {
      return false;
    } else if (ev.key === "ArrowDown" || ev.key === "ArrowUp") {
      setActive((at + (ev.key === "ArrowDown" ? 1 : list.length - 1)) % list.length);
    } else if (ev.key === "Enter" || ev.key === "Tab") {
      void choose(current.id);
    } else {
      return false;
    }
    ev.preventDefault();
    return true;
  };

  return {
    open,
    query,
    list,
    at,
    loading: data === undefined && !isError,
    failed: isError,
    onType,
    toggle,
    choose,
    onKeyDown,
    leave: () => setOpen(false),
    roles: {
      "aria-autocomplete": "list",
      "aria-haspopup": "listbox",
      "aria-controls": open && current !== undefined ? LISTBOX : undefined,
      "aria-activedescendant": open && current !== undefined ? optionId(current.id) : undefined,
    } as const,
  };
}
