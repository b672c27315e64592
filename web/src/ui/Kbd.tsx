/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { cn } from "@/lib/cn";

/** The key beside an action.  Screen readers get it by aria-keyshortcuts. */
export function Kbd({ children, className }: { children: string; className?: string }) {
  return (
    <span
      aria-hidden="true"
      className={cn(
        "inline-grid h-[18px] min-w-[18px] place-items-center rounded-mark border border-line-strong bg-card px-1 text-micro text-ink-3 max-md:hidden",
        className,
      )}
    >
      {children}
    </span>
  );
}
