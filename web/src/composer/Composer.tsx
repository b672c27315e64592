/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { Lock, RotateCcw, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import type { Conversation } from "@/api/types";
import { useActions } from "@/data/actions";
import { useColleagues, useNumbers } from "@/data/directory";
import { useI18n } from "@/i18n";
import { windowLeft } from "@/inbox/preview";
import { useMinute } from "@/lib/clock";
import { useTyping, useViewers } from "@/realtime/people";
import { mayWrite, useMe } from "@/session/useSession";
import type { ShownMessage } from "@/thread/items";
import { Avatar } from "@/ui/Avatar";
import { Button } from "@/ui/Button";
import { Dots } from "@/ui/Dots";
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

  return (
    <div className="shrink-0 bg-card px-4 pb-3 max-md:px-2">
      <Colleagues conversation={c.id} />
      {!mayWrite(me) ? (
        <Reason icon={<Lock />} text={t.viewerNote} />
      ) : c.status === "closed" ? (
        <Reason icon={<Lock />} text={t.conversationClosedNote}>
          <Button onClick={() => void actions.reopen(c.id)} className="max-md:h-11">
            <RotateCcw aria-hidden="true" className="size-4" strokeWidth={1.75} />
            {t.reopenToWrite}
          </Button>
        </Reason>
      ) : left === null ? (
        <Reason icon={<Lock />} text={`${t.windowNeverOpen} ${t.windowClosedNext}`} />
      ) : left <= 0 ? (
        <Reason
          icon={<Lock />}
          text={`${t.windowClosedSince(fmt.moment(new Date(now + left), new Date(now)))} ${t.windowClosedNext}`}
        />
      ) : (
        <ReplyBox {...props} />
      )}
      <From conversation={c} />
    </div>
  );
}

function Reason({ icon, text, children }: { icon: ReactNode; text: string; children?: ReactNode }) {
  return (
    <div className="flex min-h-[88px] items-center gap-3 rounded-card border border-line-strong bg-well px-4 py-3 text-ink-2">
      <span aria-hidden="true" className="text-ink-3 [&_svg]:size-[18px]">
        {icon}
      </span>
      <p className="min-w-0 flex-1">{text}</p>
      {children}
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

/** The number that the answer goes out by, in a tenant of several. */
function From({ conversation: c }: { conversation: Conversation }) {
  const { t } = useI18n();
  const numbers = useNumbers();
  const number = numbers.find((n) => n.id === c.whatsapp_config_id);

  if (number === undefined) {
    return null;
  }
  if (number.status === "paused") {
    return (
      <p className="flex items-center gap-2 px-1 pt-1.5 text-late text-meta">
        <TriangleAlert aria-hidden="true" className="size-3.5" />
        {t.numberPaused}
      </p>
    );
  }
  if (numbers.length < 2) {
    return null;
  }
  return (
    <p className="flex items-center gap-1.5 px-1 pt-1.5 text-ink-3 text-meta tabular-nums">
      {t.fromNumber} <b className="font-medium">{number.name}</b>
      {number.display_phone_number !== null && <>, {number.display_phone_number}</>}
    </p>
  );
}
