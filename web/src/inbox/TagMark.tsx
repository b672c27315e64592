/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { cn } from "@/lib/cn";

const COLORS = 4;

/** A tag: a small square of its colour, and its name. */
export function TagMark({ name, className }: { name: string; className?: string }) {
  let h = 0;

  for (let i = 0; i < name.length; i++) {
    h = (h * 31 + name.charCodeAt(i)) >>> 0;
  }

  return (
    <span className={cn("inline-flex items-center gap-1", className)}>
      <i
        aria-hidden="true"
        className="size-1.5 shrink-0 rounded-tag"
        style={{ background: `var(--tag-${(h % COLORS) + 1})` }}
      />
      <span className="truncate">{name}</span>
    </span>
  );
}
