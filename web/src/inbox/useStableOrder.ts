/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import type { Conversation } from "@/api/types";

export const LEAVE_MS = 150;

export interface ShownRow {
  conversation: Conversation;
  /** It no longer belongs here and goes when the list is left. */
  gone: boolean;
  /** It slides out at this moment. */
  leaving: boolean;
}

interface Held {
  order: readonly string[];
  known: ReadonlyMap<string, Conversation>;
}

/**
 * The rows to show, so that nothing moves under the pointer: while `held`, the
 * order stays, rows change in place, those that left are shown greyed and those
 * that came are only counted.  When the list is let go, it settles at once;
 * rows that left slide out.
 */
export function useStableOrder(list: readonly Conversation[], held: boolean, reset: string) {
  const [frame, setFrame] = useState<Held>({ order: [], known: new Map() });
  const [leaving, setLeaving] = useState<ReadonlySet<string>>(new Set());
  const resetSeen = useRef(reset);

  const settle = useCallback((next: readonly Conversation[]) => {
    setFrame({
      order: next.map((c) => c.id),
      known: new Map(next.map((c) => [c.id, c])),
    });
    setLeaving(new Set());
  }, []);

  useEffect(() => {
    if (resetSeen.current !== reset) {
      resetSeen.current = reset;
      settle(list);
      return;
    }

    const now = new Map(list.map((c) => [c.id, c]));

    setFrame((had) => {
      if (held && had.order.length > 0) {
        /* What is newer than all that is shown waits for the pill; the rest are
           later pages, which go on at the end: nothing above them moves. */
        const in_ = new Set(had.order);
        const top = list.findIndex((c) => in_.has(c.id));
        const tail = list.filter((c, i) => i > top && !in_.has(c.id));

        return {
          order: tail.length === 0 ? had.order : [...had.order, ...tail.map((c) => c.id)],
          known: new Map([...had.known, ...now]),
        };
      }

      const left = had.order.filter((id) => !now.has(id) && had.known.has(id));

      if (left.length === 0 || left.length > 3) {
        return { order: list.map((c) => c.id), known: now };
      }

      /* A few rows leave: they slide out before the gap closes. */
      const order = list.map((c) => c.id);
      for (const id of left) {
        order.splice(Math.min(had.order.indexOf(id), order.length), 0, id);
      }
      setLeaving(new Set(left));
      return { order, known: new Map([...had.known, ...now]) };
    });
  }, [list, held, reset, settle]);

  useEffect(() => {
    if (leaving.size === 0) {
      return;
    }

    const timer = setTimeout(() => settle(list), LEAVE_MS);

    return () => clearTimeout(timer);
  }, [leaving, list, settle]);

  const present = new Set(list.map((c) => c.id));
  const shown = new Set(frame.order);
  const rows: ShownRow[] = [];

  for (const id of frame.order) {
    const conversation = frame.known.get(id);

    if (conversation !== undefined) {
      rows.push({
        conversation,
        gone: !present.has(id) && !leaving.has(id),
        leaving: leaving.has(id),
      });
    }
  }

  const top = list.findIndex((c) => shown.has(c.id));
  const pending = held && top > 0 ? top : 0;

  return { rows, pending, settle: () => settle(list) };
}
