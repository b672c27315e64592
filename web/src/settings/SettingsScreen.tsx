/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { ChevronLeft, type LucideIcon, Tag, Zap } from "lucide-react";
import { useEffect } from "react";
import { useNouns } from "@/data/nouns";
import { useI18n } from "@/i18n";
import { useSettingsTexts } from "@/i18n/settings";
import { cn } from "@/lib/cn";
import { usePhone } from "@/lib/media";
import {
  leaveConversation,
  openSettings,
  type SettingsPage,
  settingsPath,
  settleSettings,
} from "@/nav/navigation";
import { IconButton } from "@/ui/Button";
import { QuickRepliesPage } from "./QuickRepliesPage";
import { TagsPage } from "./TagsPage";

const FIRST: SettingsPage = "quick-replies";

/** The menu and a page beside it; on a phone one of them. */
export function SettingsScreen({ page }: { page: SettingsPage | "" }) {
  const phone = usePhone();

  useEffect(() => {
    if (page === "" && !phone) {
      settleSettings(FIRST);
    }
  }, [page, phone]);

  return (
    <>
      {(!phone || page === "") && <SettingsMenu page={page} phone={phone} />}
      {page === "quick-replies" && <QuickRepliesPage />}
      {page === "tags" && <TagsPage />}
    </>
  );
}

function SettingsMenu({ page, phone }: { page: SettingsPage | ""; phone: boolean }) {
  const { t } = useI18n();
  const s = useSettingsTexts();
  const tags = useNouns("tags").data?.length;
  const replies = useNouns("quick-replies").data?.length;
  /* Alone on the screen, its title is the page's. */
  const Title = phone ? "h1" : "h2";

  return (
    <nav
      aria-label={t.settings}
      className="flex w-56 shrink-0 flex-col gap-0.5 overflow-y-auto border-line border-r bg-page px-2 py-3 max-md:w-full max-md:border-0 max-md:pt-0"
    >
      <div className="flex items-center gap-1 px-2 pt-1 pb-2 max-md:h-14 max-md:px-0 max-md:py-0">
        {phone && (
          <IconButton label={t.back} onClick={leaveConversation}>
            <ChevronLeft className="size-5" strokeWidth={1.75} />
          </IconButton>
        )}
        <Title className="text-head max-md:text-title">{t.settings}</Title>
      </div>
      <p className="px-2 pt-4 pb-1 text-ink-3 text-meta-strong max-md:pt-0">{s.conversations}</p>
      <Item icon={Zap} to="quick-replies" text={s.replies} count={replies} page={page} />
      <Item icon={Tag} to="tags" text={s.tags} count={tags} page={page} />
    </nav>
  );
}

interface ItemProps {
  icon: LucideIcon;
  to: SettingsPage;
  text: string;
  count: number | undefined;
  page: SettingsPage | "";
}

function Item({ icon: Icon, to, text, count, page }: ItemProps) {
  const { fmt } = useI18n();
  const current = page === to;

  return (
    <a
      href={settingsPath(to)}
      aria-current={current ? "page" : undefined}
      onClick={(ev) => {
        ev.preventDefault();
        openSettings(to);
      }}
      className={cn(
        "flex h-8 items-center gap-2.5 rounded-control px-2 transition-fast max-md:h-11",
        current ? "bg-accent-soft font-medium text-accent-ink" : "text-ink-2 hover:bg-hover",
      )}
    >
      <Icon aria-hidden="true" className="size-[18px] shrink-0" strokeWidth={1.75} />
      <span className="min-w-0 flex-1 truncate">{text}</span>
      {count !== undefined && <span className="text-meta tabular-nums">{fmt.number(count)}</span>}
    </a>
  );
}
