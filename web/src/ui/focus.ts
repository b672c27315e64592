/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { useRef } from "react";

/** Whether the focus has gone on to something since it was lost. */
function isElsewhere(): boolean {
  return document.activeElement !== null && document.activeElement !== document.body;
}

/**
 * For onCloseAutoFocus of what gives the focus back to its trigger: it does so
 * a timer's turn after it closed, and who types fast is in a field by then.
 */
export function keepElsewhere(ev: Event): void {
  if (isElsewhere()) {
    ev.preventDefault();
  }
}

/** For what has no trigger: the focus returns to where it came from. */
export function useReturnedFocus() {
  const from = useRef<Element | null>(null);

  return {
    onOpenAutoFocus: () => {
      from.current = document.activeElement;
    },
    onCloseAutoFocus: (ev: Event) => {
      ev.preventDefault();
      if (!isElsewhere() && from.current instanceof HTMLElement) {
        from.current.focus();
      }
    },
  };
}
