/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { ArrowDown, WifiOff } from "lucide-react";
import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type { Conversation, Message } from "@/api/types";
import { useActions } from "@/data/actions";
import { useColleagues } from "@/data/directory";
import { useThread } from "@/data/messages";
import { getOutbox, subscribeOutbox } from "@/data/outbox";
import { useI18n } from "@/i18n";
import { contactName, windowLeft } from "@/inbox/preview";
import { useMinute } from "@/lib/clock";
import { mayWrite, useMe } from "@/session/useSession";
import { Button } from "@/ui/Button";
import { Bone, Empty } from "@/ui/Empty";
import { Block, Items, type ThreadView } from "./Block";
import { onLogKey } from "./BubbleActions";
import { itemsOf, type ShownMessage, shown, shownItem } from "./items";
import { type Reactions, useReactions } from "./reactions";
import { useMarkRead } from "./useMarkRead";

const BOTTOM_PX = 48;
const OLDER_PX = 900;
const FLASH_MS = 2500;
const JUMP_PAGES = 5;

interface LogProps {
  conversation: Conversation;
  onQuote: (m: ShownMessage) => void;
}

export function MessageLog({ conversation: c, onQuote }: LogProps) {
  const { t } = useI18n();
  const me = useMe();
  const people = useColleagues();
  const actions = useActions();
  const thread = useThread(c.id);
  const { blocks, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = thread;
  const outbox = useSyncExternalStore(subscribeOutbox, getOutbox, getOutbox);
  const queued = useMemo(() => outbox.filter((i) => i.conversation_id === c.id), [outbox, c.id]);
  const log = useRef<HTMLDivElement>(null);
  const bottom = useRef(true);
  const before = useRef({ height: 0, first: "", last: "", opened: false });
  const [away, setAway] = useState(false);
  const [below, setBelow] = useState(0);
  const write = mayWrite(me);
  const open = (windowLeft(c.window_expires_at, useMinute()) ?? 0) > 0;

  /* What was unread when the conversation was opened, for the divider. */
  const [unreadAtOpen] = useState(c.unread_count);
  const reactions = useReactions(blocks);
  const newFrom = useNewFrom(blocks, reactions, unreadAtOpen, queued.length > 0);

  const byId = useMemo(() => {
    const map = new Map<string, Message>();

    for (const block of blocks) {
      for (const m of block) {
        map.set(m.id, m);
      }
    }
    return map;
  }, [blocks]);
  const known = useRef(byId);
  known.current = byId;

  const name = contactName(c, t);
  const nameOf = useCallback(
    (m: { sender_type: string; sender_id: string | null }) => {
      if (m.sender_type === "contact") {
        return name;
      }
      if (m.sender_id === me.id) {
        return t.you;
      }
      return people.find((p) => p.id === m.sender_id)?.name ?? "";
    },
    [name, me.id, people, t],
  );
  const onJump = useJump(log, thread);
  const view = useMemo<ThreadView>(
    () => ({
      contact: { id: c.contact.id, name: c.contact.name },
      mayWrite: write,
      open,
      newFrom,
      newCount: unreadAtOpen,
      nameOf,
      find(id) {
        const m = known.current.get(id);

        return m === undefined ? null : shown(m);
      },
      reactions,
      onQuote,
      onJump,
    }),
    [
      c.contact.id,
      c.contact.name,
      write,
      open,
      newFrom,
      unreadAtOpen,
      nameOf,
      reactions,
      onQuote,
      onJump,
    ],
  );

  const first = blocks[0]?.[0]?.id ?? "";
  const lastMessage = blocks.at(-1)?.at(-1);
  const last = queued.at(-1)?.client_id ?? lastMessage?.id ?? "";

  useLayoutEffect(() => {
    const el = log.current;
    const had = before.current;

    if (el === null || (first === "" && last === "")) {
      return;
    }

    if (!had.opened) {
      /* Opened: at the divider if something is new, else at the end. */
      const divider = el.querySelector<HTMLElement>("[data-new]");

      if (divider !== null && divider.offsetTop < el.scrollHeight - el.clientHeight) {
        el.scrollTop = divider.offsetTop - 24;
      } else {
        el.scrollTop = el.scrollHeight;
      }
    } else {
      const older = first !== had.first && had.first !== "";

      if (older) {
        /* Older ones came in front: what is seen stays where it is. */
        el.scrollTop += el.scrollHeight - had.height;
      }
      if (last !== had.last) {
        const own = queued.some((i) => i.client_id === last);

        if (bottom.current || own) {
          el.scrollTop = el.scrollHeight;
        } else if (lastMessage?.sender_type === "contact") {
          setBelow((n) => n + 1);
        }
      } else if (bottom.current && !older) {
        el.scrollTop = el.scrollHeight;
      }
    }

    bottom.current = el.scrollHeight - el.scrollTop - el.clientHeight < BOTTOM_PX;
    setAway(!bottom.current);
    before.current = { height: el.scrollHeight, first, last, opened: true };
  });

  /* The box below grows and shrinks: whoever is at the end stays there. */
  useEffect(() => {
    const el = log.current;

    if (el === null || typeof ResizeObserver === "undefined") {
      return;
    }

    const watcher = new ResizeObserver(() => {
      if (bottom.current) {
        el.scrollTop = el.scrollHeight;
      }
    });

    watcher.observe(el);
    return () => watcher.disconnect();
  }, []);

  useMarkRead(c, write && thread.data !== undefined && !away, actions.read);

  const older = () => {
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError) {
      void fetchNextPage();
    }
  };
  /* Also when nobody scrolls: what came may be less than the screen holds. */
  useEffect(() => {
    if (before.current.opened && log.current !== null && log.current.scrollTop < OLDER_PX) {
      older();
    }
  });
  const onScroll = () => {
    const el = log.current;

    if (el === null) {
      return;
    }

    bottom.current = el.scrollHeight - el.scrollTop - el.clientHeight < BOTTOM_PX;
    before.current.height = el.scrollHeight;
    setAway(!bottom.current);
    if (bottom.current) {
      setBelow(0);
    }
    if (el.scrollTop < OLDER_PX) {
      older();
    }
  };
  const toEnd = () => {
    log.current?.scrollTo({ top: log.current.scrollHeight });
    setBelow(0);
  };

  if (thread.isPending) {
    return <LogBones />;
  }
  if (thread.data === undefined) {
    return (
      <Empty icon={WifiOff} title={t.threadFailed} text={t.threadFailedText}>
        <Button onClick={() => void thread.refetch()}>{t.retry}</Button>
      </Empty>
    );
  }

  return (
    <div className="@container-size relative flex min-h-0 flex-1 flex-col">
      <div
        ref={log}
        id="log"
        role="log"
        aria-label={t.messages}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keyboard
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={onLogKey}
        className="min-h-0 flex-1 overflow-y-auto overscroll-contain px-6 pt-3 [overflow-anchor:none] focus-visible:-outline-offset-2 max-md:px-3"
      >
        <div className="flex min-h-full flex-col justify-end">
          <div className="flex h-8 shrink-0 items-center justify-center gap-2 text-ink-3 text-meta">
            {isFetchNextPageError ? (
              <>
                {t.olderFailed}
                <Button size="sm" kind="ghost" onClick={() => void fetchNextPage()}>
                  {t.retry}
                </Button>
              </>
            ) : hasNextPage ? (
              <span role="status">{isFetchingNextPage ? t.loading : ""}</span>
            ) : (
              t.beginning
            )}
          </div>
          {blocks.map((block, i) => (
            <Block
              key={block.at(-1)?.id}
              messages={block}
              before={blocks[i - 1]?.at(-1) ?? null}
              atBeginning={i === 0}
              atEnd={i === blocks.length - 1}
              view={view}
              root={log}
            />
          ))}
          {queued.length > 0 && (
            <Items
              items={itemsOf(
                queued.map((q) => shownItem(q, me.id)),
                lastMessage === undefined ? null : shown(lastMessage),
                lastMessage === undefined,
                null,
                0,
              )}
              view={view}
              stop={null}
            />
          )}
        </div>
      </div>
      {away && (
        <Button
          onClick={toEnd}
          className="absolute right-6 bottom-3 animate-fade rounded-full shadow-float max-md:right-3 max-md:h-11"
        >
          <ArrowDown aria-hidden="true" className="size-4" strokeWidth={1.75} />
          {t.newBelow(below)}
        </Button>
      )}
    </div>
  );
}

/** The first message of the customer's that was unread at opening, until somebody answers. */
function useNewFrom(
  blocks: readonly Message[][],
  reactions: Reactions,
  unread: number,
  answering: boolean,
): string | null {
  const found = useRef<string | null>(null);
  const answer = useRef<string | null>(null);
  const answered = useRef(false);

  if (unread === 0 || answered.current || blocks.length === 0) {
    return null;
  }

  const all = blocks.flat();
  const last = all.findLast((m) => m.sender_type === "agent")?.id ?? null;

  if (found.current === null) {
    const theirs = all.filter((m) => m.sender_type === "contact");

    found.current = theirs.slice(-unread).find((m) => !reactions.told.has(m.id))?.id ?? null;
    answer.current = last;
  }

  answered.current = answering || last !== answer.current;
  return answered.current ? null : found.current;
}

/** Scrolls to a message, loading older ones until it is there, and rings it. */
function useJump(
  log: { current: HTMLDivElement | null },
  thread: ReturnType<typeof useThread>,
): (id: string) => void {
  const latest = useRef(thread);

  latest.current = thread;

  return useCallback(
    (id: string) => {
      const show = (): boolean => {
        const el = document.getElementById(`m-${id}`);
        const box = log.current;

        if (el === null || box === null) {
          return false;
        }

        const top = el.getBoundingClientRect().top - box.getBoundingClientRect().top;

        box.scrollTop += top - box.clientHeight / 4;
        el.classList.add("is-flash");
        setTimeout(() => el.classList.remove("is-flash"), FLASH_MS);
        return true;
      };
      const go = async () => {
        for (let i = 0; i < JUMP_PAGES && !show(); i++) {
          if (!latest.current.hasNextPage) {
            return;
          }
          await latest.current.fetchNextPage();
          await new Promise((done) => requestAnimationFrame(done));
        }
      };

      void go();
    },
    [log],
  );
}

const BONES = [
  { out: false, width: "w-64" },
  { out: false, width: "w-40" },
  { out: true, width: "w-72" },
  { out: false, width: "w-52" },
  { out: true, width: "w-44" },
];

function LogBones() {
  const { t } = useI18n();

  return (
    <div
      role="status"
      aria-label={t.loading}
      className="after-wait flex flex-1 flex-col justify-end gap-3 p-6"
    >
      {BONES.map((bone) => (
        <Bone
          key={bone.width}
          className={`h-9 rounded-bubble bg-well ${bone.width} ${bone.out ? "self-end" : ""}`}
        />
      ))}
    </div>
  );
}
