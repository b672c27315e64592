/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { DoorClosed, WifiOff } from "lucide-react";
import dynamic from "next/dynamic";
import { ThemeProvider } from "next-themes";
import { type ReactNode, useEffect, useState } from "react";
import { ApiError } from "@/api/http";
import type { User } from "@/api/types";
import { forgetListHead, useConversation } from "@/data/conversations";
import { getDraft, startDrafts } from "@/data/drafts";
import { flush, startOutbox, stopOutbox } from "@/data/outbox";
import { I18nProvider, useI18n } from "@/i18n";
import { contactName } from "@/inbox/preview";
import { useKnownAddress, useOpenConversation } from "@/nav/navigation";
import { SignedOut, startSession } from "@/session/session";
import { useSession } from "@/session/useSession";
import { Empty } from "@/ui/Empty";
import { TipProvider } from "@/ui/Tip";
import { InboxScreen } from "./InboxScreen";
import { Skeleton } from "./Skeleton";
import { UpdateNotice } from "./UpdateNotice";

/* Forms are loaded when somebody has to sign in, not by whoever is in. */
const SignIn = dynamic(() => import("@/session/SignIn").then((m) => m.SignIn), {
  ssr: false,
  loading: () => <Skeleton />,
});
const SessionDialog = dynamic(
  () => import("@/session/SessionDialog").then((m) => m.SessionDialog),
  { ssr: false },
);

const RETRIES = 3;

function makeQueries(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        /* The socket keeps what is loaded current: nothing is asked twice. */
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: 30 * 60_000,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        retry(failures, err) {
          if (err instanceof SignedOut) {
            return false;
          }
          return failures < RETRIES && (!(err instanceof ApiError) || err.transient);
        },
        retryDelay: (i, err) =>
          err instanceof ApiError && err.retryAfter !== null
            ? Math.min(err.retryAfter, 10) * 1000
            : Math.min(500 * 2 ** i, 4000),
      },
    },
  });
}

export function App() {
  return (
    <ThemeProvider attribute="data-theme" defaultTheme="system" storageKey="pytake.theme">
      <I18nProvider>
        <TipProvider delayDuration={400} skipDelayDuration={200}>
          <Gate />
        </TipProvider>
      </I18nProvider>
    </ThemeProvider>
  );
}

/** What is exported is a bare frame; who is here is known in the browser alone. */
function Gate() {
  const session = useSession();
  const [ready, setReady] = useState(false);

  useEffect(() => {
    setReady(true);
    void startSession();
  }, []);

  if (!ready || (session.name === "starting" && !session.waiting)) {
    return <Skeleton />;
  }
  if (session.name === "starting") {
    return <Starting />;
  }
  if (session.name === "out") {
    return <SignIn />;
  }
  return (
    <SignedIn key={session.user.id} user={session.user} ended={session.name === "ended"}>
      <Address />
    </SignedIn>
  );
}

function Address() {
  const { t } = useI18n();
  const known = useKnownAddress();

  if (!known) {
    return (
      <main className="flex h-dvh bg-card">
        <Empty icon={DoorClosed} title={t.notFoundTitle} text={t.notFoundText}>
          <a href="/inbox" className="text-accent-ink underline">
            {t.goToInbox}
          </a>
        </Empty>
      </main>
    );
  }
  return <InboxScreen />;
}

function Starting() {
  const { t } = useI18n();

  return (
    <main className="flex h-dvh bg-card">
      <Empty icon={WifiOff} title={t.offlineBoot} text={t.offlineBootText} />
    </main>
  );
}

function SignedIn(props: { user: User; ended: boolean; children: ReactNode }) {
  const { user, ended, children } = props;
  const [queries] = useState(makeQueries);
  const [started, setStarted] = useState(false);

  useEffect(() => {
    startDrafts(user.id);
    startOutbox(queries, user.id);
    setStarted(true);

    return () => {
      stopOutbox();
      forgetListHead();
      queries.clear();
    };
  }, [queries, user.id]);

  /* Signed in again: what was refused meanwhile is done now. */
  useEffect(() => {
    if (!ended) {
      flush();
      void queries.refetchQueries({ predicate: (q) => q.state.status === "error" });
    }
  }, [ended, queries]);

  return (
    <QueryClientProvider client={queries}>
      {started ? children : <Skeleton />}
      {ended && <Ended user={user} />}
      <UpdateNotice />
    </QueryClientProvider>
  );
}

function Ended({ user }: { user: User }) {
  const { t } = useI18n();
  const open = useOpenConversation();
  const conversation = useConversation(open).data;

  return (
    <SessionDialog
      user={user}
      draft={
        conversation === undefined
          ? null
          : { name: contactName(conversation, t), text: getDraft(conversation.id) }
      }
    />
  );
}
