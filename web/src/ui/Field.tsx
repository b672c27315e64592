/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { CircleAlert } from "lucide-react";
import { type ComponentProps, type ReactNode, useId } from "react";
import { cn } from "@/lib/cn";

interface FieldProps extends ComponentProps<"input"> {
  label: string;
  fault?: string | undefined;
  /** Something inside the box at its right. */
  inside?: ReactNode;
}

/** A labelled input; its fault stands under it and is read with it. */
export function Field({ label, fault, inside, className, ...rest }: FieldProps) {
  const id = useId();

  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-preview-strong">
        {label}
      </label>
      <span className="relative block">
        <input
          id={id}
          aria-invalid={fault !== undefined}
          aria-describedby={fault === undefined ? undefined : `${id}-fault`}
          className={cn(
            "block h-9 w-full rounded-control border border-control bg-card px-2.5 text-body outline-none focus:border-accent focus:ring-1 focus:ring-accent max-md:h-11",
            fault !== undefined && "border-fail ring-1 ring-fail",
            inside !== undefined && "pr-10",
            className,
          )}
          {...rest}
        />
        {inside}
      </span>
      {fault !== undefined && (
        <p id={`${id}-fault`} className="flex items-center gap-1 text-fail text-meta-strong">
          <CircleAlert aria-hidden="true" className="size-3.5 shrink-0" />
          {fault}
        </p>
      )}
    </div>
  );
}
