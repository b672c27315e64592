/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { cva, type VariantProps } from "class-variance-authority";
import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

const button = cva(
  "inline-flex shrink-0 items-center justify-center gap-2 whitespace-nowrap rounded-control border border-transparent font-medium transition-fast select-none disabled:cursor-not-allowed",
  {
    variants: {
      kind: {
        primary:
          "bg-accent text-on-accent enabled:hover:bg-accent-hover enabled:active:bg-accent-pressed disabled:border-line disabled:bg-well disabled:text-ink-3",
        second:
          "border-line-strong bg-card text-ink enabled:hover:bg-hover enabled:active:bg-pressed disabled:border-line disabled:bg-well disabled:text-ink-3",
        ghost:
          "text-ink-2 enabled:hover:bg-hover enabled:hover:text-ink enabled:active:bg-pressed disabled:opacity-60",
        destructive: "bg-fail-solid text-on-accent",
        banner: "border-current/40 bg-transparent text-current",
      },
      size: {
        sm: "h-7 gap-1.5 px-2 text-preview-strong",
        md: "h-8 px-3 text-body font-medium",
        lg: "h-9 px-4 text-body font-medium",
        touch: "h-11 px-4 text-body font-medium",
      },
    },
    defaultVariants: { kind: "second", size: "md" },
  },
);

type ButtonProps = ComponentProps<"button"> & VariantProps<typeof button>;

export function Button({ kind, size, className, type, ...rest }: ButtonProps) {
  return (
    <button type={type ?? "button"} className={cn(button({ kind, size }), className)} {...rest} />
  );
}

type IconButtonProps = ComponentProps<"button"> & {
  /** What the button does, for everybody who does not see the icon. */
  label: string;
  size?: "sm" | "md" | "touch";
  on?: boolean;
};

export function IconButton({ label, size = "md", on, className, type, ...rest }: IconButtonProps) {
  return (
    <button
      type={type ?? "button"}
      aria-label={label}
      aria-pressed={on}
      className={cn(
        "grid shrink-0 place-items-center rounded-control text-ink-2 transition-fast enabled:hover:bg-hover enabled:hover:text-ink enabled:active:bg-pressed disabled:opacity-60",
        size === "sm" && "size-7",
        size === "md" && "size-8 max-md:size-11",
        size === "touch" && "size-11",
        on && "bg-accent-soft text-accent-ink enabled:hover:bg-accent-soft",
        className,
      )}
      {...rest}
    />
  );
}
