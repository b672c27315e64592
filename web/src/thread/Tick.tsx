/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { Check, CheckCheck, CircleAlert, Clock } from "lucide-react";
import { useI18n } from "@/i18n";
import type { ShownMessage } from "./items";

/** How far a message has come; the word is there for whoever does not see the sign. */
export function Tick({ status }: { status: ShownMessage["status"] }) {
  const { t } = useI18n();

  switch (status) {
    case "queued":
      return <Clock role="img" aria-label={t.statusQueued} className="size-3.5" />;
    case "pending":
      return <Clock role="img" aria-label={t.statusPending} className="size-3.5" />;
    case "sent":
      return <Check role="img" aria-label={t.statusSent} className="size-4" />;
    case "delivered":
      return <CheckCheck role="img" aria-label={t.statusDelivered} className="size-4" />;
    case "read":
      return <CheckCheck role="img" aria-label={t.statusRead} className="size-4 text-accent-ink" />;
    case "failed":
      return <CircleAlert role="img" aria-label={t.statusFailed} className="size-3.5 text-fail" />;
  }
}
