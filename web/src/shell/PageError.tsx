/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { CircleAlert } from "lucide-react";
import { I18nProvider, useI18n } from "@/i18n";
import { Button } from "@/ui/Button";
import { Empty } from "@/ui/Empty";

/** Something of ours broke: the text that was typed is kept, the way on is one click. */
export function PageError({ onRetry }: { onRetry: () => void }) {
  return (
    <I18nProvider>
      <Content onRetry={onRetry} />
    </I18nProvider>
  );
}

function Content({ onRetry }: { onRetry: () => void }) {
  const { t } = useI18n();

  return (
    <main className="flex h-dvh bg-card">
      <Empty icon={CircleAlert} title={t.pageErrorTitle} text={t.pageErrorText}>
        <Button onClick={onRetry}>{t.retry}</Button>
        <Button kind="ghost" onClick={() => location.assign("/inbox")}>
          {t.reload}
        </Button>
      </Empty>
    </main>
  );
}
