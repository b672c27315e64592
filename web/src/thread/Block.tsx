/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { memo, type RefObject, useEffect, useRef, useState } from "react";
import type { Message } from "@/api/types";
import { type Messages, useI18n } from "@/i18n";
import { useMinute } from "@/lib/clock";
import { Bubble } from "./Bubble";
import { Group } from "./Group";
import { type Item, itemsOf, type ShownMessage, shown } from "./items";
import type { Reactions } from "./reactions";

/** What a block of messages needs to know of the thread around it. */
export interface ThreadView {
  contact: { id: string; name: string };
  mayWrite: boolean;
  /** WhatsApp takes a text now. */
  open: boolean;
  newFrom: string | null;
  newCount: number;
  nameOf: (m: { sender_type: string; sender_id: string | null }) => string;
  find: (id: string) => ShownMessage | null;
  reactions: Reactions;
  onQuote: (m: ShownMessage) => void;
  onJump: (id: string) => void;
}

interface BlockProps {
  messages: readonly Message[];
  before: Message | null;
  atBeginning: boolean;
  /** Nothing comes after it. */
  atEnd: boolean;
  view: ThreadView;
  root: RefObject<HTMLElement | null>;
}

/** Blocks further away than this from what is seen are spacers of their height. */
const NEAR_PX = 2500;

function sameBlock(a: BlockProps, b: BlockProps): boolean {
  return (
    a.view === b.view &&
    a.before === b.before &&
    a.atBeginning === b.atBeginning &&
    a.atEnd === b.atEnd &&
    a.messages.length === b.messages.length &&
    a.messages.every((m, i) => m === b.messages[i])
  );
}

/** A page of a thread.  Far from the eye it keeps its height and drops its content. */
export const Block = memo(function Block(props: BlockProps) {
  const { messages, before, atBeginning, atEnd, view, root } = props;
  const box = useRef<HTMLDivElement>(null);
  const [spacer, setSpacer] = useState<number | null>(null);

  useEffect(() => {
    const el = box.current;

    if (el === null || typeof IntersectionObserver === "undefined") {
      return;
    }

    const watcher = new IntersectionObserver(
      ([entry]) => {
        if (entry !== undefined) {
          setSpacer(entry.isIntersecting ? null : entry.boundingClientRect.height);
        }
      },
      { root: root.current, rootMargin: `${NEAR_PX}px 0px` },
    );

    watcher.observe(el);
    return () => watcher.disconnect();
  }, [root]);

  return (
    <div ref={box} style={spacer === null ? undefined : { height: spacer }}>
      {spacer === null && (
        <Items
          items={itemsOf(
            messages.filter((m) => !view.reactions.told.has(m.id)).map(shown),
            before === null ? null : shown(before),
            atBeginning,
            view.newFrom,
            view.newCount,
          )}
          view={view}
          stop={atEnd ? (messages.at(-1)?.id ?? null) : null}
        />
      )}
    </div>
  );
}, sameBlock);

interface ItemsProps {
  items: readonly Item[];
  view: ThreadView;
  /** The message whose actions the Tab key stops at; the arrows lead to the others. */
  stop: string | null;
}

export function Items({ items, view, stop }: ItemsProps) {
  return (
    <div className="flex flex-col gap-3 pb-3">
      {items.map((item) => (
        <Line key={item.key} item={item} view={view} stop={stop} />
      ))}
    </div>
  );
}

function Line({ item, view, stop }: { item: Item; view: ThreadView; stop: string | null }) {
  const { t, fmt } = useI18n();
  const now = useMinute();

  switch (item.kind) {
    case "day":
      return <Separator text={fmt.day(new Date(item.at), new Date(now))} />;
    case "new":
      return <Separator text={t.newMessages(item.count)} fresh />;
    case "activity":
      return (
        <p className="self-center px-4 text-center text-ink-3 text-meta [overflow-wrap:anywhere]">
          {item.message.content || t.kindSystem}
          {", "}
          <time dateTime={item.message.created_at}>
            {fmt.time(new Date(item.message.created_at))}
          </time>
        </p>
      );
    case "group":
      return (
        <Group item={item} view={view}>
          {item.messages.map((m, i) => (
            <Bubble
              key={m.key}
              message={m}
              out={item.out}
              first={i === 0}
              last={i === item.messages.length - 1}
              quoted={quoteOf(m, view, t.quotedGone)}
              reactions={reactionsAt(m, view, t)}
              mayWrite={view.mayWrite}
              open={view.open}
              stop={m.id === stop}
              onQuote={view.onQuote}
              onJump={view.onJump}
            />
          ))}
        </Group>
      );
  }
}

/** What people think of a message: what is drawn, and what is read out. */
function reactionsAt(m: ShownMessage, view: ThreadView, t: Messages) {
  const list = view.reactions.at.get(m.id) ?? [];
  const label = list
    .map((r) => {
      const theirs = r.from === "contact";

      return t.reacted(
        view.nameOf({ sender_type: theirs ? r.from : "agent", sender_id: theirs ? null : r.from }),
        r.emoji,
      );
    })
    .join(", ");

  return list.length === 0 ? null : `${list.map((r) => r.emoji).join("")}\n${label}`;
}

function quoteOf(m: ShownMessage, view: ThreadView, gone: string) {
  if (m.reply_to === null) {
    return null;
  }

  const quoted = view.find(m.reply_to);

  return quoted === null
    ? { id: m.reply_to, name: gone, text: "" }
    : { id: quoted.id, name: view.nameOf(quoted), text: quoted.content };
}

const LINE =
  "flex items-center gap-3 text-meta-strong before:h-px before:flex-1 after:h-px after:flex-1";

export function Separator({ text, fresh }: { text: string; fresh?: boolean }) {
  return (
    <div
      data-new={fresh}
      className={
        fresh
          ? `${LINE} text-accent-ink before:bg-accent-line after:bg-accent-line`
          : `${LINE} text-ink-3 before:bg-line after:bg-line`
      }
    >
      <hr aria-label={text} className="sr-only" />
      <span aria-hidden="true">{text}</span>
    </div>
  );
}
