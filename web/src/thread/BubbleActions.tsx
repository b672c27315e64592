/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { Copy, Reply } from "lucide-react";
import type { KeyboardEvent } from "react";
import { useI18n } from "@/i18n";
import { cn } from "@/lib/cn";
import { IconButton } from "@/ui/Button";
import { toast } from "@/ui/Toast";
import type { ShownMessage } from "./items";

interface ActionsProps {
  message: ShownMessage;
  out: boolean;
  mayWrite: boolean;
  /** A tap asked for them. */
  shown: boolean;
  stop: boolean;
  onQuote: (m: ShownMessage) => void;
  onDone: () => void;
}

const BAR = '[role="toolbar"]';

/**
 * What can be done with a message, while somebody is at it: beside it, or over
 * its corner where the thread is narrow.
 */
export function BubbleActions(props: ActionsProps) {
  const { message: m, out, mayWrite, shown, stop, onQuote, onDone } = props;
  const { t } = useI18n();
  const copies = m.content !== "";

  if (!mayWrite && !copies) {
    return null;
  }
  return (
    <div
      role="toolbar"
      aria-label={t.messageActions}
      className={cn(
        "pointer-events-none absolute -top-5 z-2 flex rounded-card border border-line-strong bg-card p-0.5 opacity-0 shadow-float transition-fast",
        "focus-within:pointer-events-auto focus-within:opacity-100 group-hover/bubble:pointer-events-auto group-hover/bubble:opacity-100 before:absolute before:-inset-1 before:-z-1 max-md:-top-10",
        "@xl:top-1/2 @xl:-translate-y-1/2",
        out
          ? "right-full -mr-10 max-md:right-0 max-md:mr-0 @xl:mr-1"
          : "left-full -ml-10 max-md:left-0 max-md:ml-0 @xl:ml-1",
        shown && "pointer-events-auto opacity-100",
      )}
    >
      {mayWrite && (
        <IconButton
          size="sm"
          className="max-md:size-11"
          label={t.replyTo}
          title={t.replyTo}
          tabIndex={stop ? 0 : -1}
          onClick={() => {
            onDone();
            onQuote(m);
          }}
        >
          <Reply className="size-[18px]" strokeWidth={1.75} />
        </IconButton>
      )}
      {copies && (
        <IconButton
          size="sm"
          className="max-md:size-11"
          label={t.copyText}
          title={t.copyText}
          tabIndex={stop && !mayWrite ? 0 : -1}
          onClick={() => {
            onDone();
            void navigator.clipboard?.writeText(m.content).then(() => toast({ text: t.copied }));
          }}
        >
          <Copy className="size-[18px]" strokeWidth={1.75} />
        </IconButton>
      )}
    </div>
  );
}

/** The bar of the last message that is wholly or partly in view. */
function lastInView(log: HTMLElement): Element | undefined {
  const bottom = log.getBoundingClientRect().bottom;

  return [...log.querySelectorAll(BAR)].findLast(
    (bar) => (bar.parentElement?.getBoundingClientRect().top ?? bottom) < bottom,
  );
}

function focusIn(bar: Element | undefined, at: number): boolean {
  const buttons = [...(bar?.querySelectorAll("button") ?? [])];
  const button = buttons[Math.min(at, buttons.length - 1)];

  button?.focus({ preventScroll: true });
  button?.closest("[id^=m-]")?.scrollIntoView({ block: "nearest" });
  return button !== undefined;
}

/**
 * Keys inside the thread: Enter goes from it to the actions of the last message
 * in view, up and down to those of its neighbours, left and right along a bar,
 * Escape back to the thread.
 */
export function onLogKey(ev: KeyboardEvent<HTMLElement>): void {
  const log = ev.currentTarget;
  const bar = ev.target instanceof Element ? ev.target.closest(BAR) : null;

  if (ev.ctrlKey || ev.metaKey || ev.altKey || ev.shiftKey) {
    return;
  }
  if (bar === null) {
    if (ev.target === log && ev.key === "Enter" && focusIn(lastInView(log), 0)) {
      ev.preventDefault();
    }
    return;
  }

  const bars = [...log.querySelectorAll(BAR)];
  const at = [...bar.querySelectorAll("button")].indexOf(ev.target as HTMLButtonElement);
  const step = { ArrowUp: -1, ArrowDown: 1 }[ev.key];
  const along = { ArrowLeft: -1, ArrowRight: 1 }[ev.key];

  if (step !== undefined) {
    focusIn(bars[bars.indexOf(bar) + step], at);
  } else if (along !== undefined) {
    focusIn(bar, Math.max(0, at + along));
  } else if (ev.key === "Escape") {
    log.focus();
  } else {
    return;
  }
  ev.preventDefault();
}
