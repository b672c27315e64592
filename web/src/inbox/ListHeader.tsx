/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { ChevronDown, Search, X } from "lucide-react";
import { useEffect, useRef } from "react";
import { useConversationList } from "@/data/conversations";
import type { Queue, Shelf } from "@/data/keys";
import { useI18n } from "@/i18n";
import { cn } from "@/lib/cn";
import { usePhone } from "@/lib/media";
import { useMe } from "@/session/useSession";
import { Button, IconButton } from "@/ui/Button";
import { Menu, MenuContent, MenuRadioGroup, MenuRadioItem, MenuTrigger } from "@/ui/Menu";
import { Tip } from "@/ui/Tip";
import { useInbox } from "./InboxContext";

const QUEUES: readonly Queue[] = ["mine", "none", "all"];

export function ListHeader() {
  const { t } = useI18n();
  const { filter, find, setFind } = useInbox();
  const input = useRef<HTMLInputElement>(null);
  /* There the bottom bar leads to the closed ones. */
  const phone = usePhone();
  const closed = filter.shelf === "closed";

  useEffect(() => {
    if (find === "") {
      input.current?.focus();
    }
  }, [find]);

  return (
    <>
      <header className="flex h-[52px] shrink-0 items-center gap-1 pr-2 pl-4 max-md:h-14 max-md:pr-1">
        {find !== null && <h1 className="sr-only">{closed ? t.closedOnes : t.inbox}</h1>}
        {find === null ? (
          <>
            <h1 className="mr-auto text-head max-md:text-title">
              {closed ? t.closedOnes : t.inbox}
            </h1>
            <Tip text={t.find} keys="/">
              <IconButton label={t.find} aria-keyshortcuts="/" onClick={() => setFind("")}>
                <Search className="size-[18px]" strokeWidth={1.75} />
              </IconButton>
            </Tip>
            {!phone && <ShelfMenu />}
          </>
        ) : (
          <div className="flex h-8 flex-1 items-center gap-2 rounded-control border border-control bg-card px-2 focus-within:border-accent focus-within:ring-1 focus-within:ring-accent max-md:h-11">
            <Search aria-hidden="true" className="size-4 shrink-0 text-ink-3" />
            <input
              ref={input}
              type="search"
              aria-label={t.find}
              placeholder={t.findPlaceholder}
              value={find}
              onChange={(ev) => setFind(ev.target.value)}
              onKeyDown={(ev) => {
                if (ev.key === "Escape") {
                  ev.stopPropagation();
                  setFind(null);
                }
              }}
              className="min-w-0 flex-1 bg-transparent text-preview outline-none [&::-webkit-search-cancel-button]:hidden"
            />
            <IconButton
              size="sm"
              className="-mr-1.5"
              label={t.clearFind}
              onClick={() => setFind(null)}
            >
              <X className="size-4" />
            </IconButton>
          </div>
        )}
      </header>
      <nav
        aria-label={t.queues}
        className="relative flex h-[41px] shrink-0 gap-4 border-line border-b px-4 max-md:-mt-1 max-md:h-11 max-md:gap-5"
      >
        {QUEUES.map((queue) => (
          <QueueTab key={queue} queue={queue} />
        ))}
      </nav>
    </>
  );
}

/** Whether the open conversations are listed or the closed ones: the button says which. */
function ShelfMenu() {
  const { t } = useI18n();
  const { filter, setFilter } = useInbox();
  const text = { open: t.openOnes, closed: t.closedOnes };

  return (
    <Menu>
      <MenuTrigger asChild>
        <Button kind="ghost" className="gap-1 px-2" aria-label={t.showing(text[filter.shelf])}>
          {text[filter.shelf]}
          <ChevronDown aria-hidden="true" className="size-4" strokeWidth={1.75} />
        </Button>
      </MenuTrigger>
      <MenuContent align="end" className="w-40">
        <MenuRadioGroup
          value={filter.shelf}
          onValueChange={(shelf) => setFilter({ ...filter, shelf: shelf as Shelf })}
        >
          <MenuRadioItem value="open">{text.open}</MenuRadioItem>
          <MenuRadioItem value="closed">{text.closed}</MenuRadioItem>
        </MenuRadioGroup>
      </MenuContent>
    </Menu>
  );
}

function QueueTab({ queue }: { queue: Queue }) {
  const { t, fmt } = useI18n();
  const me = useMe();
  const { filter, setFilter } = useInbox();
  const { list, hasNextPage, data } = useConversationList({ ...filter, queue }, me.id);
  const current = filter.queue === queue;
  const label = { mine: t.mine, none: t.unassigned, all: t.all }[queue];

  return (
    <button
      type="button"
      aria-current={current ? "true" : undefined}
      onClick={() => setFilter({ ...filter, queue })}
      className={cn(
        "relative flex items-center gap-1.5 text-preview-strong transition-fast focus-visible:-outline-offset-2 max-md:text-body max-md:font-medium",
        current
          ? "text-ink after:absolute after:inset-x-0 after:-bottom-px after:h-0.5 after:rounded-t-mark after:bg-accent"
          : "text-ink-2 hover:text-ink",
      )}
    >
      {label}
      {data !== undefined && (
        <span className="font-normal text-ink-3 tabular-nums">
          {fmt.number(list.length)}
          {hasNextPage ? "+" : ""}
        </span>
      )}
    </button>
  );
}
