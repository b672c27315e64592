/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useEffect } from "react";
import { useI18n } from "@/i18n";
import { cn } from "@/lib/cn";
import { Kbd } from "@/ui/Kbd";
import { LISTBOX, optionId, type useQuickReplies } from "./useQuickReplies";

/** The quick replies above the box, the one that Enter takes marked. */
export function QuickReplyMenu({ quick }: { quick: ReturnType<typeof useQuickReplies> }) {
  const { t } = useI18n();
  const { open, list, at, query, loading, failed } = quick;
  const active = list[at]?.id;

  useEffect(() => {
    if (open && active !== undefined) {
      document.getElementById(optionId(active))?.scrollIntoView({ block: "nearest" });
    }
  }, [open, active]);

  const said = loading
    ? t.loading
    : failed
      ? t.actionFailed
      : list.length === 0
        ? t.quickReplyNone(query)
        : t.quickReplyCount(list.length);

  return (
    <>
      <p role="status" className="sr-only">
        {open ? said : ""}
      </p>
      {open && (
        <div className="mb-2 animate-pane rounded-card border border-line-strong bg-card p-1 shadow-float">
          {list.length === 0 ? (
            <p aria-hidden="true" className="px-2 py-2 text-ink-2 text-preview">
              {said}
            </p>
          ) : (
            <div
              id={LISTBOX}
              role="listbox"
              aria-label={t.quickReplies}
              className="max-h-[min(296px,40dvh)] overflow-y-auto"
            >
              {list.map((reply, i) => (
                // biome-ignore lint/a11y/useKeyWithClickEvents: the box has the keys
                // biome-ignore lint/a11y/useFocusableInteractive: the box has the focus
                <div
                  key={reply.id}
                  id={optionId(reply.id)}
                  role="option"
                  aria-selected={i === at}
                  onPointerDown={(ev) => ev.preventDefault()}
                  onMouseDown={(ev) => ev.preventDefault()}
                  onClick={() => void quick.choose(reply.id)}
                  className={cn(
                    "grid h-9 cursor-pointer grid-cols-[104px_minmax(0,1fr)_auto] items-center gap-2 rounded-control px-2 text-preview max-md:h-11",
                    i === at ? "bg-accent-soft" : "hover:bg-hover",
                  )}
                >
                  <b className="truncate font-medium">/{reply.shortcut}</b>
                  <span className="truncate text-ink-2">{reply.content}</span>
                  {i === at && <Kbd>Enter</Kbd>}
                </div>
              ))}
            </div>
          )}
        </div>
      )}
    </>
  );
}
