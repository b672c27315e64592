/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { DoorClosed, WifiOff } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { ApiError } from "@/api/http";
import type { Conversation } from "@/api/types";
import { Composer } from "@/composer/Composer";
import { ContactPanel } from "@/contact/ContactPanel";
import { useConversation } from "@/data/conversations";
import { useI18n } from "@/i18n";
import { contactName } from "@/inbox/preview";
import { useCommands } from "@/keys/commands";
import { useWide } from "@/lib/media";
import { leaveConversation } from "@/nav/navigation";
import { setPreference, usePreference } from "@/notify/preferences";
import { useRealtime } from "@/realtime/RealtimeProvider";
import { Button } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import type { ShownMessage } from "./items";
import { MessageLog } from "./MessageLog";
import { ThreadHeader } from "./ThreadHeader";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function ThreadPane({ id }: { id: string }) {
  const { t } = useI18n();
  const valid = UUID.test(id);
  const query = useConversation(valid ? id : null);

  if (!valid || (query.error instanceof ApiError && query.error.status === 404)) {
    return (
      <section aria-label={t.conversation} className="flex min-w-0 flex-1 bg-card">
        <Empty head icon={DoorClosed} title={t.notFoundTitle} text={t.notFoundText}>
          <Button onClick={leaveConversation}>{t.goToInbox}</Button>
        </Empty>
      </section>
    );
  }
  if (query.data === undefined) {
    return (
      <section aria-label={t.conversation} className="flex min-w-0 flex-1 bg-card">
        {query.isError && (
          <Empty icon={WifiOff} title={t.threadFailed} text={t.threadFailedText}>
            <Button onClick={() => void query.refetch()}>{t.retry}</Button>
          </Empty>
        )}
      </section>
    );
  }

  return <Thread conversation={query.data} />;
}

function Thread({ conversation: c }: { conversation: Conversation }) {
  const { t } = useI18n();
  const { client } = useRealtime();
  const wide = useWide();
  const beside = usePreference("panel");
  const [over, setOver] = useState(false);
  const [assigning, setAssigning] = useState(false);
  const [quote, setQuote] = useState<ShownMessage | null>(null);
  const panel = wide ? beside : over;
  const togglePanel = useCallback(() => {
    if (wide) {
      setPreference("panel", !beside);
    } else {
      setOver((open) => !open);
    }
  }, [wide, beside]);
  const onQuote = useCallback((m: ShownMessage) => {
    setQuote(m);
    document.getElementById("composer")?.focus();
  }, []);

  useEffect(() => {
    client?.watch(c.id);
    return () => client?.watch(null);
  }, [client, c.id]);

  useCommands({ assign: () => setAssigning(true), panel: togglePanel });

  return (
    <>
      <section
        aria-label={t.conversation}
        className="relative flex min-w-0 flex-1 flex-col bg-card"
      >
        <ThreadHeader
          conversation={c}
          panel={panel}
          onPanel={togglePanel}
          assigning={assigning}
          onAssigning={setAssigning}
        />
        <MessageLog conversation={c} onQuote={onQuote} />
        <Composer
          conversation={c}
          quote={quote}
          quoteName={
            quote === null ? "" : quote.sender_type === "contact" ? contactName(c, t) : t.you
          }
          onQuoteEnd={() => setQuote(null)}
        />
      </section>
      {panel && <ContactPanel conversation={c} floating={!wide} onClose={() => setOver(false)} />}
    </>
  );
}
