/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useNouns } from "@/data/nouns";
import { cn } from "@/lib/cn";
import { colorOf } from "./tagColor";

/** A tag: a small square of its colour, and its name. */
export function TagMark({ name, className }: { name: string; className?: string }) {
  const tags = useNouns("tags").data;

  return (
    <span className={cn("inline-flex items-center gap-1", className)}>
      <i
        aria-hidden="true"
        className="size-1.5 shrink-0 rounded-tag"
        style={{ background: `var(--tag-${colorOf(name, tags)})` }}
      />
      <span className="truncate">{name}</span>
    </span>
  );
}
