/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { MessagesSquare } from "lucide-react";
import dynamic from "next/dynamic";
import { useEffect, useMemo } from "react";
import { useConversationList } from "@/data/conversations";
import { useI18n } from "@/i18n";
import { ConversationList } from "@/inbox/ConversationList";
import { InboxProvider } from "@/inbox/InboxContext";
import { ListHeader } from "@/inbox/ListHeader";
import { contactName } from "@/inbox/preview";
import { cn } from "@/lib/cn";
import { usePhone } from "@/lib/media";
import { settleAddress, useOpenConversation, useSettingsPage } from "@/nav/navigation";
import { setFavicon } from "@/notify/favicon";
import { RealtimeProvider, useRealtime } from "@/realtime/RealtimeProvider";
import { useMe } from "@/session/useSession";
import { ThreadPane } from "@/thread/ThreadPane";
import { Empty } from "@/ui/Empty";
import { Toasts } from "@/ui/Toast";
import { ConnectionBanner } from "./Banner";
import { BottomBar } from "./BottomBar";
import { Rail } from "./Rail";
import { ShortcutSheet } from "./ShortcutSheet";
import { useShortcuts } from "./useShortcuts";

/* Who answers customers does not load what they hardly ever open. */
const SettingsScreen = dynamic(
  () => import("@/settings/SettingsScreen").then((m) => m.SettingsScreen),
  { ssr: false },
);

/** Everything for whoever is signed in: one socket, whichever part is shown. */
export function InboxScreen() {
  return (
    <RealtimeProvider>
      <InboxProvider>
        <Frame />
      </InboxProvider>
    </RealtimeProvider>
  );
}

function Frame() {
  const { t } = useI18n();
  const open = useOpenConversation();
  const page = useSettingsPage();
  const { state } = useRealtime();
  const live = state.name === "live";

  useEffect(settleAddress, []);
  useShortcuts();
  const waiting = useTitle(open, page !== null);

  return (
    <div className="flex h-dvh overflow-hidden bg-gutter max-md:bg-page">
      <Rail live={live} settings={page !== null} />
      <main className="my-2 mr-2 flex min-w-0 flex-1 flex-col overflow-hidden rounded-card border border-line bg-page max-md:m-0 max-md:rounded-none max-md:border-0">
        {open !== null && (
          <a
            href="#log"
            className="sr-only z-50 rounded-control bg-card px-3 py-2 focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
          >
            {t.skipToThread}
          </a>
        )}
        <ConnectionBanner />
        <div className="relative flex min-h-0 flex-1">
          {page === null ? (
            <Panes open={open} live={live} waiting={waiting} />
          ) : (
            <SettingsScreen page={page} />
          )}
        </div>
      </main>
      <ShortcutSheet />
      <Toasts />
    </div>
  );
}

function Panes(props: { open: string | null; live: boolean; waiting: number }) {
  const { open, live, waiting } = props;
  const { t } = useI18n();
  const phone = usePhone();

  return (
    <>
      <section
        aria-label={t.conversations}
        className={cn(
          "flex w-[352px] shrink-0 flex-col border-line border-r bg-page max-md:w-full max-md:border-0",
          phone && open !== null && "hidden",
        )}
      >
        <ListHeader />
        <ConversationList />
        {phone && <BottomBar live={live} waiting={waiting} />}
      </section>
      {open !== null ? (
        <ThreadPane key={open} id={open} />
      ) : (
        <section aria-label={t.conversation} className="flex min-w-0 flex-1 bg-card max-md:hidden">
          <Empty icon={MessagesSquare} title={t.noneOpenTitle} text={t.noneOpenText} />
        </section>
      )}
    </>
  );
}

/** The title and the icon of the tab count what waits for me or for nobody. */
function useTitle(open: string | null, settings: boolean): number {
  const { t } = useI18n();
  const me = useMe();
  const { list } = useConversationList({ queue: "all", shelf: "open" }, me.id);
  const waiting = useMemo(
    () =>
      list.filter((c) => c.unread_count > 0 && (c.assigned_to === null || c.assigned_to === me.id))
        .length,
    [list, me.id],
  );
  const shown = list.find((c) => c.id === open);
  const place = settings ? t.settings : t.inbox;
  const title = shown === undefined ? place : contactName(shown, t);

  useEffect(() => {
    document.title = `${t.inTitle(waiting, title)} · PyTake`;
    setFavicon(waiting > 0);
  }, [t, waiting, title]);

  return waiting;
}
