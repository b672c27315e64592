/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { CircleAlert, Copy, Ellipsis, RefreshCw, Reply, Trash2 } from "lucide-react";
import { memo } from "react";
import { dropItem, enqueue, retryItem } from "@/data/outbox";
import { useI18n } from "@/i18n";
import { cn } from "@/lib/cn";
import { Button, IconButton } from "@/ui/Button";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/ui/Menu";
import { toast } from "@/ui/Toast";
import type { ShownMessage } from "./items";
import { MessageBody } from "./MessageBody";
import { outcomeUnknown, reasonOf } from "./reasons";
import { Tick } from "./Tick";

interface BubbleProps {
  message: ShownMessage;
  out: boolean;
  first: boolean;
  last: boolean;
  quoted: { name: string; text: string; id: string } | null;
  mayWrite: boolean;
  onQuote: (m: ShownMessage) => void;
  onJump: (id: string) => void;
}

export const Bubble = memo(function Bubble(props: BubbleProps) {
  const { message: m, out, first, last, quoted, mayWrite, onQuote, onJump } = props;
  const { t, fmt } = useI18n();
  const failed = m.status === "failed";
  const at = new Date(m.created_at);

  return (
    <div
      id={`m-${m.id}`}
      className={cn(
        "group/bubble flex max-w-full items-center gap-1",
        out ? "flex-row-reverse" : "flex-row",
      )}
    >
      <div
        className={cn(
          "relative min-w-0 max-w-[min(72cqw,560px)] rounded-bubble px-3 py-2 max-md:max-w-[82cqw]",
          out ? "bg-bubble-out" : "bg-bubble-in",
          !out && !last && "rounded-bl-mark",
          !out && !first && "rounded-tl-mark",
          out && !last && "rounded-br-mark",
          out && !first && "rounded-tr-mark",
          failed &&
            "w-[480px] rounded-card border border-fail-line border-l-3 border-l-fail bg-card",
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
        <MessageBody message={m} />
        <span
          className={cn(
            "float-right mt-1 -mb-1 ml-3 inline-flex items-center gap-1 text-time",
            out ? "text-bubble-out-meta" : "text-bubble-in-meta",
            failed && "text-fail",
          )}
        >
          <time dateTime={m.created_at} title={fmt.full(at)}>
            {fmt.time(at)}
          </time>
          {out && <Tick status={m.status} />}
          {failed && <span aria-hidden="true">{t.notDelivered}</span>}
        </span>
        {failed && <Failure message={m} mayWrite={mayWrite} />}
        {outcomeUnknown(m) && (
          <p className="clear-both pt-1 text-late text-meta">{t.outcomeUnknown}</p>
        )}
      </div>
      <BubbleMenu message={m} mayWrite={mayWrite} onQuote={onQuote} />
    </div>
  );
});

function Failure({ message: m, mayWrite }: { message: ShownMessage; mayWrite: boolean }) {
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
        <div className="mt-2 flex gap-2">
          <Button size="sm" className="max-md:h-11" onClick={again}>
            <RefreshCw aria-hidden="true" className="size-4" strokeWidth={1.75} />
            {t.sendAgain}
          </Button>
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

function BubbleMenu(props: {
  message: ShownMessage;
  mayWrite: boolean;
  onQuote: (m: ShownMessage) => void;
}) {
  const { message: m, mayWrite, onQuote } = props;
  const { t } = useI18n();

  if (m.local !== null) {
    return null;
  }

  return (
    <Menu>
      <MenuTrigger asChild>
        <IconButton
          size="sm"
          label={t.messageActions}
          className="opacity-0 focus-visible:opacity-100 group-hover/bubble:opacity-100 data-[state=open]:opacity-100 pointer-coarse:opacity-100"
        >
          <Ellipsis className="size-4" />
        </IconButton>
      </MenuTrigger>
      <MenuContent>
        {mayWrite && (
          <MenuItem icon={<Reply />} onSelect={() => onQuote(m)}>
            {t.replyTo}
          </MenuItem>
        )}
        <MenuItem
          icon={<Copy />}
          disabled={m.content === ""}
          onSelect={() => {
            void navigator.clipboard?.writeText(m.content).then(() => toast({ text: t.copied }));
          }}
        >
          {t.copyText}
        </MenuItem>
      </MenuContent>
    </Menu>
  );
}
