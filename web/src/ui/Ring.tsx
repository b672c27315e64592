/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { cn } from "@/lib/cn";

/** A ring that is as full as `share` (0 to 1) says. */
export function Ring({ share, className }: { share: number; className?: string }) {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * 100);

  return (
    <svg
      viewBox="0 0 36 36"
      aria-hidden="true"
      className={cn("-rotate-90 fill-none stroke-[4]", className)}
    >
      <circle cx="18" cy="18" r="15" className="stroke-line-strong" />
      <circle
        cx="18"
        cy="18"
        r="15"
        pathLength="100"
        strokeDasharray={`${filled} 100`}
        className="stroke-current"
      />
    </svg>
  );
}
