/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { Paperclip, Pencil } from "lucide-react";
import { type MouseEvent, memo } from "react";
import type { Conversation } from "@/api/types";
import { useColleague } from "@/data/directory";
import { useI18n } from "@/i18n";
import { cn } from "@/lib/cn";
import { conversationPath, openConversation } from "@/nav/navigation";
import { useTyping } from "@/realtime/people";
import { Avatar } from "@/ui/Avatar";
import { Dots } from "@/ui/Dots";
import { Ring } from "@/ui/Ring";
import { gist } from "./kinds";
import { CLOCK_FROM_MS, CLOCK_LATE_MS, contactName, hasThirdLine, windowLeft } from "./preview";
import { TagMark } from "./TagMark";

interface RowProps {
  conversation: Conversation;
  selected: boolean;
  gone: boolean;
  leaving: boolean;
  draft: string;
  now: number;
  /** The number's name, in a tenant of several. */
  chip: string | null;
  tabbable: boolean;
  onNear: (id: string) => void;
}

const COUNT_MAX = 9;
const TAGS_MAX = 2;

export const ConversationRow = memo(function ConversationRow(props: RowProps) {
  const { conversation: c, selected, gone, leaving, draft, now, chip, tabbable, onNear } = props;
  const { t, fmt } = useI18n();
  const unread = c.unread_count > 0 && !gone;
  const at = c.last_message_time ?? c.created_at;
  const click = (ev: MouseEvent) => {
    if (!ev.metaKey && !ev.ctrlKey && !ev.shiftKey && ev.button === 0) {
      ev.preventDefault();
      openConversation(c.id);
    }
  };

  return (
    <a
      id={`row-${c.id}`}
      href={conversationPath(c.id)}
      aria-current={selected ? "true" : undefined}
      tabIndex={tabbable ? 0 : -1}
      onClick={click}
      onPointerEnter={() => onNear(c.id)}
      onFocus={() => onNear(c.id)}
      className={cn(
        "relative flex h-full gap-3 border-line border-b px-4 pt-3.5 pb-[13px] hover:bg-hover focus-visible:z-1 focus-visible:-outline-offset-2",
        selected &&
          "bg-accent-soft before:absolute before:inset-y-0 before:bottom-px before:left-0 before:w-[3px] before:bg-accent hover:bg-accent-soft",
        leaving && "animate-row-out",
      )}
      data-selected={selected || undefined}
    >
      <Avatar id={c.contact.id} name={c.contact.name} quiet={gone} />
      <span className="flex min-w-0 flex-1 flex-col gap-1">
        <span className="flex h-5 min-w-0 items-center gap-1.5">
          <span
            className={cn(
              "truncate",
              unread ? "font-semibold" : "font-medium",
              gone && "text-ink-3",
            )}
          >
            {contactName(c, t)}
          </span>
          {chip !== null && (
            <span
              className={cn(
                "h-4 shrink-0 rounded-mark border border-line px-1 text-ink-3 text-time leading-[14px]",
                selected && "border-accent-line text-ink-2",
              )}
            >
              {chip}
            </span>
          )}
          <time
            dateTime={at}
            className={cn(
              "ml-auto shrink-0 pl-1.5 text-meta",
              unread ? "font-medium text-accent-ink" : selected ? "text-ink-2" : "text-ink-3",
            )}
          >
            {fmt.row(new Date(at), new Date(now))}
          </time>
        </span>
        <span
          className={cn(
            "flex h-5 min-w-0 items-center gap-1.5 text-preview",
            selected ? "text-ink-2" : "text-ink-3",
          )}
        >
          <Preview c={c} gone={gone} draft={draft} unread={unread} />
          {unread && (
            <span className="ml-1.5 inline-grid h-[18px] min-w-[18px] shrink-0 place-items-center rounded-full bg-accent px-[5px] text-count text-on-accent">
              <span className="sr-only">
                {t.unread(c.unread_count > COUNT_MAX ? `${COUNT_MAX}+` : String(c.unread_count))}
              </span>
              <span aria-hidden="true">
                {c.unread_count > COUNT_MAX ? `${COUNT_MAX}+` : c.unread_count}
              </span>
            </span>
          )}
        </span>
        {hasThirdLine(c, now) && <ThirdLine c={c} now={now} selected={selected} />}
      </span>
    </a>
  );
});

function Preview(props: { c: Conversation; gone: boolean; draft: string; unread: boolean }) {
  const { c, gone, draft, unread } = props;
  const { t } = useI18n();
  const typing = useTyping(c.id);

  if (gone) {
    return <span className="flex-1 truncate">{t.leftList}</span>;
  }
  if (typing.length > 0) {
    return (
      <span className="flex flex-1 items-center gap-2 text-accent-ink">
        <Dots />
        {t.typing}
      </span>
    );
  }
  if (draft !== "") {
    return (
      <>
        <Pencil aria-hidden="true" className="size-3.5 shrink-0" strokeWidth={1.75} />
        <span className="shrink-0 font-medium text-ink-2">{t.draft}</span>
        <span className="min-w-0 flex-1 truncate">{draft}</span>
      </>
    );
  }
  if (!c.last_message) {
    return (
      <>
        {c.last_message_time !== null && (
          <Paperclip aria-hidden="true" className="size-3.5 shrink-0" strokeWidth={1.75} />
        )}
        <span className="min-w-0 flex-1 truncate">
          {c.last_message_time === null ? "" : t.message}
        </span>
      </>
    );
  }

  const { icon: Icon, text } = gist(c.last_message, t);

  return (
    <>
      {Icon !== null && (
        <Icon aria-hidden="true" className="size-3.5 shrink-0" strokeWidth={1.75} />
      )}
      <span className={cn("min-w-0 flex-1 truncate", unread && "text-ink")}>{text}</span>
    </>
  );
}

function ThirdLine({ c, now, selected }: { c: Conversation; now: number; selected: boolean }) {
  const { t, fmt } = useI18n();
  const owner = useColleague(c.assigned_to);
  const left = windowLeft(c.window_expires_at, now);
  const clock = c.status !== "closed" && left !== null && left > 0 && left < CLOCK_FROM_MS;

  return (
    <span className="flex h-4 min-w-0 items-center gap-2.5 text-time">
      {clock && (
        <span
          className={cn(
            "flex shrink-0 items-center gap-1 font-medium tabular-nums",
            left < CLOCK_LATE_MS ? "text-late" : selected ? "text-ink-2" : "text-ink-3",
          )}
        >
          <Ring share={left / CLOCK_FROM_MS} className="size-3" />
          <span className="sr-only">{t.windowLabel} </span>
          {fmt.left(left)}
        </span>
      )}
      {c.tags.slice(0, TAGS_MAX).map((tag) => (
        <TagMark key={tag} name={tag} className="min-w-0 text-ink-2" />
      ))}
      {c.tags.length > TAGS_MAX && <span className="text-ink-2">+{c.tags.length - TAGS_MAX}</span>}
      {c.assigned_to !== null && (
        <>
          <Avatar id={c.assigned_to} name={owner?.name ?? ""} size={16} className="ml-auto" />
          <span className="sr-only">{t.assignee(owner?.name ?? "")}</span>
        </>
      )}
    </span>
  );
}
