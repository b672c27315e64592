/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { Conversation } from "@/api/types";
import { getOutbox, subscribeOutbox } from "@/data/outbox";

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
 * Those of `list` that belong above a row of `order` and do not stand there:
 * they came, or they were below it.
 */
export function risen(order: readonly string[], list: readonly string[]): string[] {
  const places = new Map(order.map((id, i) => [id, i]));
  const up: string[] = [];
  let least = Number.POSITIVE_INFINITY;

  for (const id of list.toReversed()) {
    const at = places.get(id) ?? order.length;

    if (at > least) {
      up.unshift(id);
    } else if (at < order.length) {
      least = at;
    }
  }
  return up;
}

/** Where the first row is in `list` that stands as in `order`: what is before it waits. */
function unmoved(order: readonly string[], list: readonly string[]): number {
  const shown = new Set(order);
  const up = new Set(risen(order, list));
  const at = list.findIndex((id) => shown.has(id) && !up.has(id));

  return Math.max(at, 0);
}

/** `order` with `id` where it belongs among the rows that did not rise. */
function lifted(order: readonly string[], list: readonly string[], id: string): string[] {
  const up = new Set(risen(order, list));
  const rest = order.filter((x) => x !== id);
  const below = list.slice(list.indexOf(id) + 1).find((x) => rest.includes(x) && !up.has(x));

  rest.splice(below === undefined ? rest.length : rest.indexOf(below), 0, id);
  return rest;
}

/** The conversations that were written to from here and did not move since. */
function useAnswered() {
  const outbox = useSyncExternalStore(subscribeOutbox, getOutbox, getOutbox);
  const before = useRef(outbox);
  const answered = useRef(new Set<string>());

  useEffect(() => {
    const known = new Set(before.current.map((i) => i.client_id));

    for (const item of outbox) {
      if (!known.has(item.client_id)) {
        answered.current.add(item.conversation_id);
      }
    }
    before.current = outbox;
  }, [outbox]);

  return answered.current;
}

/**
 * The rows to show, so that nothing moves by itself: while `held`, the order
 * stays, rows change in place, those that left are shown greyed and those that
 * came or rose are only counted.  A row that was answered from here rises
 * unless the list is `pointed` at.  When the list is let go, it settles at once;
 * rows that left slide out.
 */
export function useStableOrder(
  list: readonly Conversation[],
  held: boolean,
  pointed: boolean,
  reset: string,
) {
  const [frame, setFrame] = useState<Held>({ order: [], known: new Map() });
  const shownOrder = useRef(frame.order);
  const answered = useAnswered();
  const [leaving, setLeaving] = useState<ReadonlySet<string>>(new Set());
  const resetSeen = useRef(reset);

  shownOrder.current = frame.order;

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

    const ids = list.map((c) => c.id);
    const own = pointed
      ? []
      : risen(shownOrder.current, ids).filter(
          (id) => answered.has(id) && shownOrder.current.includes(id),
        );

    if (held) {
      for (const id of own) {
        answered.delete(id);
      }
    } else {
      answered.clear();
    }

    setFrame((had) => {
      if (held && had.order.length > 0) {
        /* Later pages go on at the end: nothing above them moves. */
        const order = own.reduceRight<readonly string[]>(
          (had_, id) => lifted(had_, ids, id),
          had.order,
        );
        const in_ = new Set(order);
        const tail = ids.slice(unmoved(order, ids)).filter((id) => !in_.has(id));

        return {
          order: tail.length === 0 ? order : [...order, ...tail],
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
  }, [list, held, pointed, reset, settle, answered]);

  useEffect(() => {
    if (leaving.size === 0) {
      return;
    }

    const timer = setTimeout(() => settle(list), LEAVE_MS);

    return () => clearTimeout(timer);
  }, [leaving, list, settle]);

  const present = new Set(list.map((c) => c.id));
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

  const ids = list.map((c) => c.id);
  const waiting = held && frame.order.length > 0 ? ids.slice(0, unmoved(frame.order, ids)) : [];
  const pending = waiting.filter((id) => !answered.has(id)).length;

  return { rows, pending, settle: () => settle(list) };
}
