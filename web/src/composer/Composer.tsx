/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { Copy, Lock, RotateCcw, Store, TriangleAlert } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import type { Conversation } from "@/api/types";
import { useActions } from "@/data/actions";
import { useColleagues, useNumbers } from "@/data/directory";
import { useI18n } from "@/i18n";
import { formatPhone } from "@/i18n/format";
import { windowLeft } from "@/inbox/preview";
import { useMinute } from "@/lib/clock";
import { cn } from "@/lib/cn";
import { useEnterSends } from "@/notify/preferences";
import { useTyping, useViewers } from "@/realtime/people";
import { mayWrite, useMe } from "@/session/useSession";
import type { ShownMessage } from "@/thread/items";
import { Avatar } from "@/ui/Avatar";
import { Button } from "@/ui/Button";
import { Dots } from "@/ui/Dots";
import { Kbd } from "@/ui/Kbd";
import { toast } from "@/ui/Toast";
import { ReplyBox } from "./ReplyBox";

interface ComposerProps {
  conversation: Conversation;
  quote: ShownMessage | null;
  quoteName: string;
  onQuoteEnd: () => void;
}

/** The reply box, or why there is none. */
export function Composer(props: ComposerProps) {
  const { conversation: c } = props;
  const { t, fmt } = useI18n();
  const me = useMe();
  const actions = useActions();
  const now = useMinute();
  const left = windowLeft(c.window_expires_at, now);

  const foot = useToastsAbove();

  return (
    <div
      ref={foot}
      className="shrink-0 bg-card px-4 pb-3 max-md:border-line max-md:border-t max-md:px-2 max-md:pt-2"
    >
      <Colleagues conversation={c.id} />
      {!mayWrite(me) ? (
        <Reason text={t.viewerNote} />
      ) : c.status === "closed" ? (
        <Reason text={t.conversationClosedNote}>
          <Button onClick={() => void actions.reopen(c.id)} className="max-md:h-11">
            <RotateCcw aria-hidden="true" className="size-4" strokeWidth={1.75} />
            {t.reopenToWrite}
          </Button>
        </Reason>
      ) : left === null ? (
        <Shut why={t.windowNeverOpen} phone={c.contact.phone} />
      ) : left <= 0 ? (
        <Shut
          why={t.windowClosedSince(fmt.moment(new Date(now + left), new Date(now)))}
          phone={c.contact.phone}
        />
      ) : (
        <ReplyBox {...props} />
      )}
      <Foot conversation={c} open={mayWrite(me) && c.status !== "closed" && (left ?? 0) > 0} />
    </div>
  );
}

/** What was done is told above the box, not on it: how far up it begins. */
function useToastsAbove() {
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const el = box.current;
    const { style } = document.documentElement;

    if (el === null || typeof ResizeObserver === "undefined") {
      return;
    }

    const watcher = new ResizeObserver(() => {
      style.setProperty("--foot", `${window.innerHeight - el.getBoundingClientRect().top}px`);
    });

    watcher.observe(el);
    return () => {
      watcher.disconnect();
      style.removeProperty("--foot");
    };
  }, []);

  return box;
}

function Reason({ text, children }: { text: string; children?: ReactNode }) {
  return (
    <div className="flex min-h-24 items-center gap-3 rounded-card border border-line-strong bg-well px-4 py-3 text-ink-2 max-md:flex-wrap">
      <Lock aria-hidden="true" className="size-[18px] shrink-0 text-ink-3" strokeWidth={1.75} />
      <p className="min-w-0 flex-1">{text}</p>
      {children}
    </div>
  );
}

/**
 * WhatsApp's window is not open: why and since when, and what is left to do.
 * It is as high as the box, so that nothing jumps when the customer writes.
 */
function Shut({ why, phone }: { why: string; phone: string | null }) {
  const { t } = useI18n();

  return (
    <div className="overflow-hidden rounded-card border border-line-strong bg-card">
      <p className="flex items-start gap-2 border-line border-b bg-late-soft px-3 py-2 text-late text-preview-strong">
        <Lock aria-hidden="true" className="mt-0.5 size-4 shrink-0" strokeWidth={1.75} />
        {why}
      </p>
      <div className="flex min-h-[60px] items-center gap-3 px-3 py-2 max-md:flex-wrap">
        <p className="min-w-0 flex-1 basis-60">
          {t.windowClosedNext}
          <span className="block text-ink-3 text-meta">{t.windowClosedElse}</span>
        </p>
        {phone !== null && (
          <Button
            className="max-md:h-11"
            onClick={() => {
              void navigator.clipboard?.writeText(phone).then(() => toast({ text: t.copied }));
            }}
          >
            <Copy aria-hidden="true" className="size-4" strokeWidth={1.75} />
            {t.copyNumber}
          </Button>
        )}
      </div>
    </div>
  );
}

/** A colleague who writes or looks: said where the answer is typed. */
function Colleagues({ conversation }: { conversation: string }) {
  const { t } = useI18n();
  const people = useColleagues();
  const typing = useTyping(conversation);
  const viewers = useViewers(conversation);
  const user = typing.at(-1) ?? viewers[0];

  if (user === undefined) {
    return null;
  }

  const name = people.find((p) => p.id === user)?.name ?? "";

  return (
    <p role="status" className="flex items-center gap-2 px-1 pb-2 text-ink-2 text-meta">
      <Avatar id={user} name={name} size={20} />
      {typing.length > 0 ? (
        <>
          {t.isTyping(name)}
          <Dots />
        </>
      ) : (
        t.viewing(name)
      )}
    </p>
  );
}

/** The number that the answer goes out by, in a tenant of several, and the key that ends it. */
function Foot({ conversation: c, open }: { conversation: Conversation; open: boolean }) {
  const { t } = useI18n();
  const numbers = useNumbers();
  const enterSends = useEnterSends();
  const number = numbers.find((n) => n.id === c.whatsapp_config_id);
  const paused = number?.status === "paused";

  if (!paused && !open && numbers.length < 2) {
    return null;
  }
  return (
    <div className={cn("flex items-center gap-1.5 px-1 pt-2", !paused && "max-md:hidden")}>
      {paused ? (
        <p className="flex items-center gap-1.5 text-late text-meta">
          <TriangleAlert aria-hidden="true" className="size-3.5" strokeWidth={1.75} />
          {t.numberPaused}
        </p>
      ) : number !== undefined && numbers.length > 1 ? (
        <p className="flex min-w-0 items-center gap-1.5 text-ink-3 text-meta tabular-nums">
          <Store aria-hidden="true" className="size-3.5 shrink-0" strokeWidth={1.75} />
          <span className="truncate">
            {t.fromNumber} <b className="font-medium">{number.name}</b>
            {number.display_phone_number !== null &&
              `, ${formatPhone(number.display_phone_number)}`}
          </span>
        </p>
      ) : null}
      {open && (
        <p className="ml-auto flex shrink-0 items-center gap-1 text-ink-3 text-meta max-md:hidden">
          <Kbd>Ctrl</Kbd>
          {!enterSends && <Kbd>⇧</Kbd>}
          <Kbd>Enter</Kbd>
          <span className="ml-0.5">{t.hintSendClose}</span>
        </p>
      )}
    </div>
  );
}
