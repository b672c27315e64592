/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "@/lib/cn";

interface EmptyProps {
  icon: LucideIcon;
  title: string;
  text: string;
  children?: ReactNode;
  className?: string;
  /** Its title is the page's. */
  head?: boolean;
}

/** Nothing to show: a thin icon, what it is, what to do, at most two actions. */
export function Empty({ icon: Icon, title, text, children, className, head }: EmptyProps) {
  const Title = head ? "h1" : "p";

  return (
    <div
      className={cn(
        "flex flex-1 flex-col items-center justify-center gap-2 p-6 text-center text-ink-2",
        className,
      )}
    >
      <Icon aria-hidden="true" className="mb-1 size-10 text-ink-3" strokeWidth={1.1} />
      <Title className="text-section text-ink">{title}</Title>
      <p className="max-w-[300px]">{text}</p>
      {children !== undefined && <div className="mt-2 flex gap-2 max-md:*:h-11">{children}</div>}
    </div>
  );
}

export function Bone({ className }: { className?: string }) {
  return <span className={cn("block animate-skeleton rounded-mark bg-pressed", className)} />;
}
