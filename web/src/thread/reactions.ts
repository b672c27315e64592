/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { useMemo, useRef } from "react";
import type { Message } from "@/api/types";

export interface Reaction {
  from: string;
  emoji: string;
}

export interface Reactions {
  /** What stands at a message, by its id: the last word of everybody. */
  at: ReadonlyMap<string, readonly Reaction[]>;
  /** The messages that are said by that, and are no bubbles of their own. */
  told: ReadonlySet<string>;
}

const NO_REACTIONS: Reactions = { at: new Map(), told: new Set() };

/**
 * Reactions to messages that are here, oldest first in `blocks`.  An empty one
 * takes back what its sender said before.  One to a message that is not loaded
 * stays a bubble, which quotes it.
 */
export function reactionsOf(blocks: readonly (readonly Message[])[]): Reactions {
  const all = blocks.flat();
  const here = new Set(all.map((m) => m.id));
  const by = new Map<string, Map<string, string>>();
  const told = new Set<string>();

  for (const m of all) {
    if (m.message_type === "reaction" && m.reply_to !== null && here.has(m.reply_to)) {
      const mine = by.get(m.reply_to) ?? new Map<string, string>();

      mine.delete(m.sender_id ?? m.sender_type);
      if (m.content !== "") {
        mine.set(m.sender_id ?? m.sender_type, m.content);
      }
      by.set(m.reply_to, mine);
      told.add(m.id);
    }
  }

  const at = new Map<string, readonly Reaction[]>();

  for (const [id, mine] of by) {
    at.set(
      id,
      [...mine].map(([from, emoji]) => ({ from, emoji })),
    );
  }
  return { at, told };
}

/** Whether two say the same, so that nothing has to be drawn anew. */
export function sameReactions(a: Reactions, b: Reactions): boolean {
  return (
    a.told.size === b.told.size &&
    [...b.told].every((id) => a.told.has(id)) &&
    JSON.stringify([...a.at]) === JSON.stringify([...b.at])
  );
}

/** The reactions, the same object as long as they say the same. */
export function useReactions(blocks: readonly Message[][]): Reactions {
  const kept = useRef(NO_REACTIONS);
  const now = useMemo(() => reactionsOf(blocks), [blocks]);

  if (!sameReactions(kept.current, now)) {
    kept.current = now;
  }
  return kept.current;
}
