/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/** Somebody types. */
export function Dots() {
  return (
    <span aria-hidden="true" className="inline-flex gap-[3px]">
      <i className="size-1 animate-dot rounded-full bg-current" />
      <i className="size-1 animate-dot rounded-full bg-current [animation-delay:0.2s]" />
      <i className="size-1 animate-dot rounded-full bg-current [animation-delay:0.4s]" />
    </span>
  );
}
