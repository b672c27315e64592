/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { User } from "lucide-react";
import { cn } from "@/lib/cn";

const TINTS = ["clay", "moss", "sea", "plum", "straw", "slate"] as const;

const SIZES = {
  16: "size-4 text-[8px] font-semibold",
  20: "size-5 text-[9px]",
  24: "size-6 text-[10px]",
  28: "size-7 text-[11px]",
  32: "size-8 text-[12px]",
  40: "size-10 text-[14px]",
  56: "size-14 text-[19px]",
} as const;

/** One of six quiet tints, the same for an id everywhere. */
function tint(id: string): (typeof TINTS)[number] {
  let h = 0;

  for (let i = 0; i < id.length; i++) {
    h = (h * 31 + id.charCodeAt(i)) >>> 0;
  }

  return TINTS[h % TINTS.length] ?? "slate";
}

/** Two letters of a name; "" when it has none (a phone number, an emoji). */
export function initials(name: string): string {
  const words = name.split(/\s+/).filter((w) => /^\p{L}/u.test(w));
  const first = words[0] ?? "";
  const last = words.length > 1 ? (words.at(-1) ?? "") : "";

  return `${[...first][0] ?? ""}${[...last][0] ?? ""}`.toLocaleUpperCase();
}

interface AvatarProps {
  id: string;
  name: string;
  size?: keyof typeof SIZES;
  className?: string;
  /** Without its tint: somebody who is not here any more. */
  quiet?: boolean;
}

/** Initials on a tint.  They are no text: the name beside them says it. */
export function Avatar({ id, name, size = 40, className, quiet }: AvatarProps) {
  const letters = initials(name);
  const color = tint(id);

  return (
    <span
      aria-hidden="true"
      data-initials={letters}
      className={cn(
        "before:content-[attr(data-initials)] grid shrink-0 select-none place-items-center rounded-full font-medium leading-none tracking-[0.01em]",
        SIZES[size],
        quiet && "bg-well text-ink-3",
        className,
      )}
      style={
        quiet ? undefined : { background: `var(--av-${color})`, color: `var(--av-${color}-ink)` }
      }
    >
      {letters === "" && <User className="size-1/2" strokeWidth={1.75} />}
    </span>
  );
}
