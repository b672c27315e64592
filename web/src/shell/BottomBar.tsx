/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { Archive, Inbox, type LucideIcon } from "lucide-react";
import { useI18n } from "@/i18n";
import { useInbox } from "@/inbox/InboxContext";
import { cn } from "@/lib/cn";
import { AccountMenu, BAR_ITEM } from "./Rail";

const COUNT_MAX = 99;

/** Where to go on a phone: what is open, what is closed, and one's own things. */
export function BottomBar({ live, waiting }: { live: boolean; waiting: number }) {
  const { t } = useI18n();
  const { filter, setFilter } = useInbox();
  const closed = filter.shelf === "closed";

  return (
    <nav
      aria-label={t.railLabel}
      className="grid h-16 shrink-0 grid-cols-3 border-line border-t bg-card pb-2 md:hidden"
    >
      <Item
        icon={Inbox}
        text={t.openOnes}
        current={!closed}
        count={waiting}
        onSelect={() => setFilter({ ...filter, shelf: "open" })}
      />
      <Item
        icon={Archive}
        text={t.closedOnes}
        current={closed}
        count={0}
        onSelect={() => setFilter({ ...filter, shelf: "closed" })}
      />
      <AccountMenu live={live} side="top" />
    </nav>
  );
}

interface ItemProps {
  icon: LucideIcon;
  text: string;
  current: boolean;
  count: number;
  onSelect: () => void;
}

function Item({ icon: Icon, text, current, count, onSelect }: ItemProps) {
  const { t } = useI18n();
  const shown = count > COUNT_MAX ? `${COUNT_MAX}+` : String(count);

  return (
    <button
      type="button"
      aria-current={current ? "page" : undefined}
      onClick={onSelect}
      className={cn(BAR_ITEM, current ? "text-accent-ink" : "text-ink-3")}
    >
      <Icon aria-hidden="true" className="size-5" strokeWidth={1.75} />
      {text}
      {count > 0 && (
        <span className="absolute top-1 left-[calc(50%+6px)] grid h-4 min-w-4 place-items-center rounded-full bg-accent px-1 text-[10px] text-count text-on-accent">
          <span className="sr-only">{t.unread(shown)}</span>
          <span aria-hidden="true">{shown}</span>
        </span>
      )}
    </button>
  );
}
