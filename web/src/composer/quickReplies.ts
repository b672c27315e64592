/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { QuickReply } from "@/api/types";
import { folded } from "@/inbox/preview";

const SHOWN_MAX = 50;

/** What is looked for: all behind the slash that a text begins with, null without one. */
export function slashed(text: string): string | null {
  return text.startsWith("/") && !text.includes("\n") ? text.slice(1) : null;
}

/**
 * The quick replies that `query` means, the likeliest first: the shortcut that
 * begins with it, one that has it, a text that has it; each by the alphabet.
 */
export function matching(list: readonly QuickReply[], query: string): QuickReply[] {
  const wanted = folded(query.trim());
  const rank = (r: QuickReply) => {
    const at = folded(r.shortcut).indexOf(wanted);

    return at === 0 ? 0 : at > 0 ? 1 : folded(r.content).includes(wanted) ? 2 : 3;
  };

  return list
    .map((reply) => ({ reply, rank: rank(reply) }))
    .filter((x) => x.rank < 3)
    .sort((a, b) => a.rank - b.rank || a.reply.shortcut.localeCompare(b.reply.shortcut))
    .slice(0, SHOWN_MAX)
    .map((x) => x.reply);
}

/** The box with a rendered text: in place of what was typed behind the slash, else at the cursor. */
export function withReply(text: string, content: string, at: number): { text: string; at: number } {
  if (slashed(text) !== null) {
    return { text: content, at: content.length };
  }
  return { text: text.slice(0, at) + content + text.slice(at), at: at + content.length };
}
