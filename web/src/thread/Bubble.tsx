/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { CircleAlert, RefreshCw, Trash2 } from "lucide-react";
import { type MouseEvent, memo, useEffect, useRef, useState } from "react";
import { dropItem, enqueue, retryItem } from "@/data/outbox";
import { useI18n } from "@/i18n";
import { cn } from "@/lib/cn";
import { Button } from "@/ui/Button";
import { BubbleActions } from "./BubbleActions";
import type { ShownMessage } from "./items";
import { isPicture, MessageBody } from "./MessageBody";
import { outcomeUnknown, reasonOf } from "./reasons";
import { Tick } from "./Tick";

interface BubbleProps {
  message: ShownMessage;
  out: boolean;
  first: boolean;
  last: boolean;
  quoted: { name: string; text: string; id: string } | null;
  /** A line of signs and a line of words for them, or null. */
  reactions: string | null;
  mayWrite: boolean;
  /** WhatsApp takes a text now. */
  open: boolean;
  /** The Tab key stops at its actions. */
  stop: boolean;
  onQuote: (m: ShownMessage) => void;
  onJump: (id: string) => void;
}

export const Bubble = memo(function Bubble(props: BubbleProps) {
  const {
    message: m,
    out,
    first,
    last,
    quoted,
    reactions,
    mayWrite,
    open,
    stop,
    onQuote,
    onJump,
  } = props;
  const { t, fmt } = useI18n();
  const { box, tapped, tap, done } = useTap();
  const failed = m.status === "failed";
  const at = new Date(m.created_at);
  const meta = (
    <>
      <time dateTime={m.created_at} title={fmt.full(at)}>
        {fmt.time(at)}
      </time>
      {out && <Tick status={m.status} />}
      {failed && <span aria-hidden="true">{t.notDelivered}</span>}
    </>
  );

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: what a tap shows is reached by keys, too
    // biome-ignore lint/a11y/useKeyWithClickEvents: MessageLog has the keys
    <div
      ref={box}
      id={`m-${m.id}`}
      onClick={tap}
      className={cn(
        "group/bubble relative flex max-w-full",
        out && "justify-end",
        reactions !== null && "mb-2.5",
      )}
    >
      <div
        className={cn(
          "relative min-w-0 max-w-[min(72cqw,560px)] max-md:max-w-[82cqw]",
          isPicture(m) ? "p-1" : "px-3 py-2",
          failed
            ? "w-[480px] rounded-card border border-fail-line border-l-3 border-l-fail bg-card"
            : cn(
                "rounded-bubble",
                out ? "bg-bubble-out" : "bg-bubble-in",
                !out && !last && "rounded-bl-mark",
                !out && !first && "rounded-tl-mark",
                out && !last && "rounded-br-mark",
                out && !first && "rounded-tr-mark",
              ),
        )}
      >
        {quoted !== null && (
          <button
            type="button"
            onClick={() => onJump(quoted.id)}
            className={cn(
              "mb-1 block w-full rounded-mark border-accent border-l-3 px-2 py-1 text-left",
              out ? "bg-quote-out" : "bg-quote-in",
            )}
          >
            <span className="block text-accent-ink text-meta-strong">{quoted.name}</span>
            <span className="line-clamp-2 text-ink-2 text-preview [overflow-wrap:anywhere]">
              {quoted.text}
            </span>
          </button>
        )}
        <MessageBody
          message={m}
          out={out}
          meta={meta}
          tone={failed ? "text-fail" : out ? "text-bubble-out-meta" : "text-bubble-in-meta"}
        />
        {failed && <Failure message={m} mayWrite={mayWrite} open={open} />}
        {outcomeUnknown(m) && (
          <p className="clear-both pt-1 text-late text-meta">{t.outcomeUnknown}</p>
        )}
        {reactions !== null && <Badge reactions={reactions} out={out} />}
      </div>
      {m.local === null && (
        <BubbleActions
          message={m}
          out={out}
          mayWrite={mayWrite}
          shown={tapped}
          stop={stop}
          onQuote={onQuote}
          onDone={done}
        />
      )}
    </div>
  );
});

function Badge({ reactions, out }: { reactions: string; out: boolean }) {
  const [signs, label] = reactions.split("\n");

  return (
    <span
      role="img"
      aria-label={label}
      className={cn(
        "absolute -bottom-2.5 inline-flex h-5 items-center gap-1 rounded-full border border-line-strong bg-card px-1.5 text-meta",
        out ? "right-2" : "left-3",
      )}
    >
      {signs}
    </span>
  );
}

/** Where nothing hovers, a tap on a message shows its actions and one elsewhere hides them. */
function useTap() {
  const box = useRef<HTMLDivElement>(null);
  const [tapped, setTapped] = useState(false);

  useEffect(() => {
    if (!tapped) {
      return;
    }

    const leave = (ev: PointerEvent) => {
      if (!(ev.target instanceof Node) || !box.current?.contains(ev.target)) {
        setTapped(false);
      }
    };

    document.addEventListener("pointerdown", leave);
    return () => document.removeEventListener("pointerdown", leave);
  }, [tapped]);

  return {
    box,
    tapped,
    tap(ev: MouseEvent) {
      const onControl = ev.target instanceof Element && ev.target.closest("a,button") !== null;

      if (!onControl && window.matchMedia("(hover: none)").matches) {
        setTapped(!tapped);
      }
    },
    done: () => setTapped(false),
  };
}

interface FailureProps {
  message: ShownMessage;
  mayWrite: boolean;
  open: boolean;
}

/** Why it failed, and what can be done: nothing is sent again that can only fail again. */
function Failure({ message: m, mayWrite, open }: FailureProps) {
  const { t } = useI18n();
  const again = () => {
    if (m.local !== null) {
      retryItem(m.local);
    } else {
      enqueue(m.conversation_id, m.content, m.reply_to);
    }
  };

  return (
    <div className="clear-both pt-2">
      <p className="flex items-start gap-2 border-line border-t pt-2 text-fail text-preview">
        <CircleAlert aria-hidden="true" className="mt-0.5 size-4 shrink-0" strokeWidth={1.75} />
        {reasonOf(m, t)}
      </p>
      {mayWrite && m.message_type === "text" && (
        <div className="mt-2 flex items-center gap-2">
          {open ? (
            <Button size="sm" className="max-md:h-11" onClick={again}>
              <RefreshCw aria-hidden="true" className="size-4" strokeWidth={1.75} />
              {t.sendAgain}
            </Button>
          ) : (
            <p className="min-w-0 flex-1 text-ink-2 text-meta">{t.sendAgainLater}</p>
          )}
          {m.local !== null && (
            <Button
              size="sm"
              kind="ghost"
              className="max-md:h-11"
              onClick={() => dropItem(m.local ?? "")}
            >
              <Trash2 aria-hidden="true" className="size-4" strokeWidth={1.75} />
              {t.discard}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}
