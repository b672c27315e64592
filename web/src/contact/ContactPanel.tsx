/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { ChevronDown, ChevronUp, Copy, X } from "lucide-react";
import { type ReactNode, useEffect, useId, useState } from "react";
import type { Conversation } from "@/api/types";
import { useConversationsOf } from "@/data/conversations";
import { useColleague, useNumbers } from "@/data/directory";
import { useI18n } from "@/i18n";
import { formatPhone } from "@/i18n/format";
import { gist } from "@/inbox/kinds";
import { CLOCK_LATE_MS, contactName, WINDOW_MS, windowLeft } from "@/inbox/preview";
import { TagMark } from "@/inbox/TagMark";
import { useMinute } from "@/lib/clock";
import { cn } from "@/lib/cn";
import { load, store } from "@/lib/storage";
import { conversationPath, openConversation } from "@/nav/navigation";
import { Avatar } from "@/ui/Avatar";
import { IconButton } from "@/ui/Button";
import { Ring } from "@/ui/Ring";
import { toast } from "@/ui/Toast";

interface PanelProps {
  conversation: Conversation;
  /** It lies over the thread, which has no room beside it. */
  floating: boolean;
  onClose: () => void;
}

export function ContactPanel({ conversation: c, floating, onClose }: PanelProps) {
  const { t, fmt } = useI18n();
  const numbers = useNumbers();
  const number = numbers.find((n) => n.id === c.whatsapp_config_id);
  const owner = useColleague(c.assigned_to);

  useEffect(() => {
    if (!floating) {
      return;
    }

    const leave = (ev: KeyboardEvent) => {
      if (ev.key === "Escape") {
        onClose();
      }
    };

    window.addEventListener("keydown", leave);
    return () => window.removeEventListener("keydown", leave);
  }, [floating, onClose]);

  return (
    <aside
      aria-label={t.contact}
      className={cn(
        "flex w-[312px] shrink-0 flex-col overflow-y-auto border-line border-l bg-page",
        floating &&
          "absolute top-14 right-0 bottom-0 z-10 animate-pane rounded-tl-card shadow-float max-md:inset-x-0 max-md:w-auto max-md:rounded-t-bubble",
      )}
    >
      <div className="flex items-center gap-3 px-4 pt-4 pb-3">
        <Avatar id={c.contact.id} name={c.contact.name} size={56} />
        <div className="min-w-0 flex-1">
          <h2 className="text-head [overflow-wrap:anywhere]">{contactName(c, t)}</h2>
          <Phone phone={c.contact.phone} username={c.contact.username ?? null} />
        </div>
        {floating && (
          <IconButton label={t.close} className="self-start" onClick={onClose}>
            <X className="size-[18px]" strokeWidth={1.75} />
          </IconButton>
        )}
      </div>
      <Window c={c} />
      <Section name={t.tags} id="tags">
        {c.tags.length === 0 ? (
          <p className="text-ink-3 text-preview">{t.noTags}</p>
        ) : (
          <ul className="flex flex-wrap gap-2">
            {c.tags.map((tag) => (
              <li
                key={tag}
                className="flex h-5 max-w-full items-center rounded-mark border border-line bg-well px-1.5 text-ink-2 text-micro"
              >
                <TagMark name={tag} className="max-w-full" />
              </li>
            ))}
          </ul>
        )}
      </Section>
      <Section name={t.details} id="details">
        <dl className="grid grid-cols-[88px_minmax(0,1fr)] gap-x-2 text-preview *:py-1">
          <dt className="text-ink-3">{t.status}</dt>
          <dd>{t[`status_${c.status}`]}</dd>
          <dt className="text-ink-3">{t.owner}</dt>
          <dd className="truncate">{c.assigned_to === null ? t.nobody : (owner?.name ?? "")}</dd>
          {number !== undefined && (
            <>
              <dt className="text-ink-3">{t.number}</dt>
              <dd className="min-w-0">
                <span className="block truncate">{number.name}</span>
                <span className="block truncate text-ink-3 tabular-nums">
                  {formatPhone(number.display_phone_number)}
                </span>
              </dd>
            </>
          )}
          <dt className="text-ink-3">{t.firstSeen}</dt>
          <dd className="tabular-nums">{fmt.date(new Date(c.created_at))}</dd>
        </dl>
      </Section>
      <Earlier c={c} />
    </aside>
  );
}

function Phone({ phone, username }: { phone: string | null; username: string | null }) {
  const { t } = useI18n();
  const text = phone ?? (username === null ? null : `@${username}`);

  if (text === null) {
    return <p className="text-ink-3 text-preview">{t.noPhone}</p>;
  }
  return (
    <p className="flex items-center gap-1 text-ink-2 text-preview tabular-nums">
      <span className="truncate">{phone === null ? text : formatPhone(phone)}</span>
      <IconButton
        size="sm"
        label={t.copyNumber}
        onClick={() => {
          void navigator.clipboard?.writeText(text).then(() => toast({ text: t.copied }));
        }}
      >
        <Copy className="size-3.5" strokeWidth={1.75} />
      </IconButton>
    </p>
  );
}

function Window({ c }: { c: Conversation }) {
  const { t, fmt } = useI18n();
  const now = useMinute();
  const left = windowLeft(c.window_expires_at, now);
  const ends = left === null ? null : new Date(now + left);
  const open = left !== null && left > 0;

  return (
    <div className="mx-4 mb-3 flex items-center gap-3 rounded-card border border-line bg-card px-3 py-2">
      <Ring
        share={open ? left / WINDOW_MS : 0}
        className={cn(
          "size-8 shrink-0",
          !open ? "text-line-strong" : left < CLOCK_LATE_MS ? "text-late-mark" : "text-accent",
        )}
      />
      <div className="min-w-0">
        <p className="text-preview-strong tabular-nums">
          {left === null ? t.windowNever : open ? fmt.left(left) : t.windowIsClosed}
        </p>
        {ends !== null && (
          <p className="text-ink-3 text-meta tabular-nums">
            {open
              ? t.windowCloses(fmt.moment(ends, new Date(now)))
              : t.windowClosedAt(fmt.moment(ends, new Date(now)))}
          </p>
        )}
      </div>
    </div>
  );
}

function Earlier({ c }: { c: Conversation }) {
  const { t, fmt } = useI18n();
  const query = useConversationsOf(c.contact.id);
  const others = (query.data ?? []).filter((x) => x.id !== c.id);
  const now = new Date(useMinute());

  return (
    <Section name={t.earlier} id="earlier" count={others.length}>
      {query.data !== undefined && others.length === 0 && (
        <p className="text-ink-3 text-preview">{t.noEarlier}</p>
      )}
      <ul className="flex flex-col divide-y divide-line">
        {others.map((x) => (
          <li key={x.id}>
            <a
              href={conversationPath(x.id)}
              onClick={(ev) => {
                if (!ev.metaKey && !ev.ctrlKey) {
                  ev.preventDefault();
                  openConversation(x.id);
                }
              }}
              className="-mx-2 grid grid-cols-[minmax(0,1fr)_auto] gap-x-2 rounded-control px-2 py-1.5 text-preview hover:bg-hover"
            >
              <span className="truncate">{gist(x.last_message ?? "", t).text || t.message}</span>
              <time dateTime={x.last_message_time ?? x.created_at} className="text-ink-3 text-meta">
                {fmt.row(new Date(x.last_message_time ?? x.created_at), now)}
              </time>
              <span className="text-ink-3 text-meta">{t[`status_${x.status}`]}</span>
            </a>
          </li>
        ))}
      </ul>
    </Section>
  );
}

interface SectionProps {
  name: string;
  id: string;
  count?: number;
  children: ReactNode;
}

/** A part of the panel that folds, and stays as it was left. */
function Section({ name, id, count, children }: SectionProps) {
  const { t } = useI18n();
  const key = `pytake.folded.${id}`;
  const [folded, setFolded] = useState(() => load(key) === "1");
  const body = useId();

  return (
    <section className="border-line border-t px-4">
      <h3 className="flex h-9 items-center gap-2 text-preview-strong">
        {name}
        {count !== undefined && count > 0 && (
          <span className="font-normal text-ink-3 tabular-nums">{count}</span>
        )}
        <IconButton
          size="sm"
          className="-mr-2 ml-auto"
          label={folded ? t.expand(name) : t.collapse(name)}
          aria-expanded={!folded}
          aria-controls={body}
          onClick={() => {
            store(key, folded ? null : "1");
            setFolded(!folded);
          }}
        >
          {folded ? <ChevronDown className="size-4" /> : <ChevronUp className="size-4" />}
        </IconButton>
      </h3>
      <div id={body} hidden={folded} className="pb-3">
        {children}
      </div>
    </section>
  );
}
