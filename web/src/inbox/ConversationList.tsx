/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowUp, Coffee, ListFilter, WifiOff } from "lucide-react";
import { type FocusEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useConversationList } from "@/data/conversations";
import { useNumbers } from "@/data/directory";
import { useDrafts } from "@/data/drafts";
import { usePrefetchThread } from "@/data/messages";
import { useI18n } from "@/i18n";
import { useMinute } from "@/lib/clock";
import { useOpenConversation } from "@/nav/navigation";
import { useMe } from "@/session/useSession";
import { Button } from "@/ui/Button";
import { Bone, Empty } from "@/ui/Empty";
import { ConversationRow } from "./ConversationRow";
import { useInbox } from "./InboxContext";
import { hasThirdLine, matches, ROW_EXTRA_PX, ROW_PX } from "./preview";
import { useStableOrder } from "./useStableOrder";

const SCROLLED_PX = 8;
const NEAR_END = 12;

export function ConversationList() {
  const { t } = useI18n();
  const me = useMe();
  const { filter, find, order } = useInbox();
  const query = useConversationList(filter, me.id);
  const wanted = find?.trim() ?? "";
  const list = useMemo(
    () => (wanted === "" ? query.list : query.list.filter((c) => matches(c, wanted))),
    [query.list, wanted],
  );
  const [hold, setHold] = useState({ pointer: false, keys: false, scrolled: false });
  const held = hold.pointer || hold.keys || hold.scrolled;
  const { rows, pending, settle } = useStableOrder(
    list,
    held,
    hold.pointer || hold.keys,
    `${filter.queue} ${filter.shelf} ${wanted}`,
  );
  const scroller = useRef<HTMLDivElement>(null);
  const now = useMinute();
  const drafts = useDrafts();
  const numbers = useNumbers();
  const selected = useOpenConversation();
  const prefetch = usePrefetchThread();
  const near = useRef<ReturnType<typeof setTimeout> | null>(null);
  const onNear = useCallback(
    (id: string) => {
      if (near.current !== null) {
        clearTimeout(near.current);
      }
      near.current = setTimeout(() => prefetch(id), 80);
    },
    [prefetch],
  );
  const chips = useMemo(() => new Map(numbers.map((n) => [n.id, n.name])), [numbers]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (i) => {
      const row = rows[i];

      return row !== undefined && hasThirdLine(row.conversation, now)
        ? ROW_PX + ROW_EXTRA_PX
        : ROW_PX;
    },
    getItemKey: (i) => rows[i]?.conversation.id ?? i,
    overscan: 8,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = query;

  /* A row's height is known; the list asks again when it may have changed. */
  const heights = rows.map((r) => (hasThirdLine(r.conversation, now) ? "1" : "0")).join("");
  const measured = useRef(heights);

  useEffect(() => {
    if (measured.current !== heights) {
      measured.current = heights;
      virtual.measure();
    }
  }, [heights, virtual]);

  useEffect(() => {
    order.current = rows.map((r) => r.conversation.id);
  }, [rows, order]);

  useEffect(() => {
    if (
      last >= rows.length - NEAR_END &&
      hasNextPage &&
      !isFetchingNextPage &&
      !isFetchNextPageError
    ) {
      void fetchNextPage();
    }
  }, [last, rows.length, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);

  /* A key walks to a row that is not drawn: it is brought into view, then focused. */
  useEffect(() => {
    const reach = (ev: Event) => {
      const id = (ev as CustomEvent<string>).detail;
      const at = rows.findIndex((r) => r.conversation.id === id);

      if (at >= 0) {
        virtual.scrollToIndex(at, { align: "auto" });
        requestAnimationFrame(() => document.getElementById(`row-${id}`)?.focus());
      }
    };

    window.addEventListener("pytake:row", reach);
    return () => window.removeEventListener("pytake:row", reach);
  }, [rows, virtual]);

  /* The pill goes from under the pointer, which nobody tells the list. */
  const toTop = () => {
    setHold({ pointer: false, keys: false, scrolled: false });
    scroller.current?.scrollTo({ top: 0 });
    settle();
  };
  const onFocus = (ev: FocusEvent) => {
    if (ev.target.matches(":focus-visible")) {
      setHold((h) => ({ ...h, keys: true }));
    }
  };
  const onBlur = (ev: FocusEvent) => {
    if (!ev.currentTarget.contains(ev.relatedTarget)) {
      setHold((h) => ({ ...h, keys: false }));
    }
  };
  const first = rows.find((r) => r.conversation.id === selected) ?? rows[0];

  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms, and these are no fields
    <div
      role="group"
      aria-label={t.conversations}
      className="relative flex min-h-0 flex-1 flex-col"
      onPointerMove={(ev) => {
        if (ev.pointerType === "mouse") {
          setHold((h) => (h.pointer ? h : { ...h, pointer: true }));
        }
      }}
      onPointerLeave={() => setHold((h) => ({ ...h, pointer: false }))}
      onFocus={onFocus}
      onBlur={onBlur}
    >
      {pending > 0 && (
        <button
          type="button"
          onClick={toTop}
          className="absolute -top-3 right-4 z-3 inline-flex h-6 animate-fade items-center gap-1 rounded-full bg-accent pr-2.5 pl-1.5 text-meta-strong text-on-accent ring-2 ring-page hover:bg-accent-hover"
        >
          <ArrowUp aria-hidden="true" className="size-3.5" />
          {t.newOnes(pending)}
        </button>
      )}
      <div
        ref={scroller}
        className="min-h-0 flex-1 overflow-y-auto overscroll-contain"
        onScroll={(ev) => {
          const scrolled = ev.currentTarget.scrollTop > SCROLLED_PX;

          setHold((h) => (h.scrolled === scrolled ? h : { ...h, scrolled }));
        }}
      >
        {query.isPending ? (
          <ListBones />
        ) : query.data === undefined ? (
          <Empty icon={WifiOff} title={t.listFailed} text={t.listFailedText} className="h-full">
            <Button onClick={() => void query.refetch()}>{t.retry}</Button>
          </Empty>
        ) : rows.length === 0 ? (
          <EmptyList find={wanted} />
        ) : (
          <ul
            aria-label={t.conversations}
            className="relative"
            style={{ height: virtual.getTotalSize() }}
          >
            {items.map((item) => {
              const row = rows[item.index];

              if (row === undefined) {
                return null;
              }

              const c = row.conversation;

              return (
                <li
                  key={c.id}
                  aria-setsize={query.hasNextPage ? -1 : rows.length}
                  aria-posinset={item.index + 1}
                  className="absolute inset-x-0 top-0"
                  style={{ height: item.size, transform: `translateY(${item.start}px)` }}
                >
                  <ConversationRow
                    conversation={c}
                    selected={c.id === selected}
                    gone={row.gone}
                    leaving={row.leaving}
                    draft={c.id === selected ? "" : (drafts[c.id]?.text ?? "")}
                    now={now}
                    chip={numbers.length > 1 ? (chips.get(c.whatsapp_config_id) ?? null) : null}
                    tabbable={row === first}
                    onNear={onNear}
                  />
                </li>
              );
            })}
          </ul>
        )}
        {query.isFetchNextPageError && (
          <div className="flex h-[52px] items-center gap-2 pr-2 pl-4 text-ink-2 text-preview">
            <WifiOff aria-hidden="true" className="size-4 shrink-0" />
            <span className="flex-1">{t.moreFailed}</span>
            <Button size="sm" onClick={() => void query.fetchNextPage()}>
              {t.retry}
            </Button>
          </div>
        )}
      </div>
    </div>
  );
}

function EmptyList({ find }: { find: string }) {
  const { t } = useI18n();
  const { filter, setFilter, setFind } = useInbox();

  if (find !== "") {
    return (
      <Empty
        icon={ListFilter}
        title={t.emptyFindTitle(find)}
        text={t.emptyFindText}
        className="h-full"
      >
        <Button onClick={() => setFind(null)}>{t.clearFind}</Button>
      </Empty>
    );
  }
  if (filter.shelf === "closed") {
    return (
      <Empty icon={Coffee} title={t.emptyClosedTitle} text={t.emptyClosedText} className="h-full" />
    );
  }
  if (filter.queue === "mine") {
    return (
      <Empty icon={Coffee} title={t.emptyMineTitle} text={t.emptyMineText} className="h-full">
        <Button onClick={() => setFilter({ ...filter, queue: "none" })}>{t.seeUnassigned}</Button>
      </Empty>
    );
  }
  if (filter.queue === "none") {
    return (
      <Empty
        icon={Coffee}
        title={t.emptyUnassignedTitle}
        text={t.emptyUnassignedText}
        className="h-full"
      >
        <Button onClick={() => setFilter({ ...filter, queue: "all" })}>{t.seeAll}</Button>
      </Empty>
    );
  }
  return <Empty icon={Coffee} title={t.emptyAllTitle} text={t.emptyAllText} className="h-full" />;
}

const BONES = ["w-32", "w-24", "w-40", "w-28", "w-36", "w-24", "w-32"];

export function ListBones() {
  const { t } = useI18n();

  return (
    <div role="status" aria-label={t.loading} className="after-wait">
      {BONES.map((width, i) => (
        <div
          key={`${width}-${String(i)}`}
          className="flex h-[72px] gap-3 border-line border-b px-4 pt-3.5"
        >
          <Bone className="size-10 rounded-full" />
          <span className="flex flex-1 flex-col gap-2.5 pt-1">
            <Bone className={`h-3 ${width}`} />
            <Bone className="h-3 w-4/5" />
          </span>
        </div>
      ))}
    </div>
  );
}
