/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { cn } from "@/lib/cn";

export function Logo({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" role="img" aria-label="PyTake" className={cn("size-8", className)}>
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path d="M8 24V14a6 6 0 0 1 6-6h4a6 6 0 0 1 0 12h-6z" fill="var(--on-accent)" />
      <circle cx="18" cy="14" r="2.25" fill="var(--accent)" />
    </svg>
  );
}
