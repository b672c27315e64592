/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { type ReactNode, useEffect, useRef, useState } from "react";
import { useI18n } from "@/i18n";
import { cn } from "@/lib/cn";

const FOLD_PX = 400;

/** A text as it was typed; a very long one folds. */
export function Text({ children }: { children: string }) {
  const { t } = useI18n();
  const box = useRef<HTMLSpanElement>(null);
  const [long, setLong] = useState(false);
  const [open, setOpen] = useState(false);

  useEffect(() => {
    const el = box.current;

    /* Without words there is nothing to measure. */
    setLong(children !== "" && el !== null && el.scrollHeight > FOLD_PX + 40);
  }, [children]);

  return (
    <>
      <span
        ref={box}
        className={cn(
          "whitespace-pre-wrap [overflow-wrap:anywhere]",
          long && !open && "block overflow-hidden",
        )}
        style={long && !open ? { maxHeight: FOLD_PX } : undefined}
      >
        {links(children)}
      </span>
      {long && (
        <button
          type="button"
          onClick={() => setOpen(!open)}
          className="mt-1 block text-accent-ink text-preview-strong hover:underline"
        >
          {open ? t.showLess : t.showAll}
        </button>
      )}
    </>
  );
}

const LINK = /\bhttps?:\/\/[^\s<>"'`]{1,500}[^\s<>"'`.,;:!?)\]}]/g;

/** Addresses of web pages become links; everything else stays a text. */
function links(text: string): ReactNode {
  const parts: ReactNode[] = [];
  let from = 0;

  for (const found of text.matchAll(LINK)) {
    parts.push(text.slice(from, found.index));
    parts.push(
      <a
        key={found.index}
        href={found[0]}
        target="_blank"
        rel="noreferrer noopener nofollow"
        className="text-accent-ink underline underline-offset-2"
      >
        {found[0]}
      </a>,
    );
    from = found.index + found[0].length;
  }
  parts.push(text.slice(from));

  return parts;
}
