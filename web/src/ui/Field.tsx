/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { CircleAlert } from "lucide-react";
import { type ComponentProps, type ReactNode, useId } from "react";
import { cn } from "@/lib/cn";

interface FieldProps extends ComponentProps<"input"> {
  label: string;
  fault?: string | undefined;
  /** What to know before typing, under it. */
  help?: string;
  /** Something inside the box at its right. */
  inside?: ReactNode;
}

interface TextAreaProps extends ComponentProps<"textarea"> {
  label: string;
  fault?: string | undefined;
  help?: string;
}

/** A labelled input; its fault stands under it and is read with it. */
export function Field({ label, fault, help, inside, className, ...rest }: FieldProps) {
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
          aria-describedby={describedBy(id, fault, help)}
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
      <Below id={id} fault={fault} help={help} />
    </div>
  );
}

/** The same for a text of several lines. */
export function TextArea({ label, fault, help, className, ...rest }: TextAreaProps) {
  const id = useId();

  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-preview-strong">
        {label}
      </label>
      <textarea
        id={id}
        aria-invalid={fault !== undefined}
        aria-describedby={describedBy(id, fault, help)}
        className={cn(
          "block w-full resize-none rounded-control border border-control bg-card px-2.5 py-1.5 text-body outline-none focus:border-accent focus:ring-1 focus:ring-accent",
          fault !== undefined && "border-fail ring-1 ring-fail",
          className,
        )}
        {...rest}
      />
      <Below id={id} fault={fault} help={help} />
    </div>
  );
}

function describedBy(id: string, fault?: string, help?: string): string | undefined {
  return fault !== undefined ? `${id}-fault` : help !== undefined ? `${id}-help` : undefined;
}

/** The fault, else the help. */
function Below(props: { id: string; fault: string | undefined; help: string | undefined }) {
  const { id, fault, help } = props;

  if (fault === undefined) {
    return help === undefined ? null : (
      <p id={`${id}-help`} className="text-ink-3 text-meta">
        {help}
      </p>
    );
  }
  return (
    <p id={`${id}-fault`} className="flex items-center gap-1 text-fail text-meta-strong">
      <CircleAlert aria-hidden="true" className="size-3.5 shrink-0" />
      {fault}
    </p>
  );
}
