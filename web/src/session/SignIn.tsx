/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { Globe } from "lucide-react";
import { useEffect } from "react";
import { useI18n } from "@/i18n";
import { useMinute } from "@/lib/clock";
import { Button } from "@/ui/Button";
import { Logo } from "@/ui/Logo";
import { SignInForm } from "./SignInForm";
import { TilePattern } from "./TilePattern";

export function SignIn() {
  const { t, locale, setLocale } = useI18n();
  const hour = new Date(useMinute()).getHours();
  const greeting = hour < 12 ? t.signInMorning : hour < 18 ? t.signInAfternoon : t.signInEvening;

  useEffect(() => {
    document.title = `${t.signInTitle} · PyTake`;
  }, [t]);

  return (
    <main className="grid min-h-dvh grid-cols-[minmax(0,1fr)_640px] bg-card max-xl:grid-cols-1">
      <div className="grid place-items-center px-6 py-10">
        <div className="flex w-full max-w-[336px] flex-col gap-4">
          <Logo className="size-10" />
          <div>
            <h1 className="text-sign">{greeting}</h1>
            <p className="mt-1 text-ink-2">{t.signInLead}</p>
          </div>
          <SignInForm />
          <div className="flex items-center justify-between gap-4 text-meta text-ink-3">
            <p>{t.noAccount}</p>
            <Button
              kind="ghost"
              size="sm"
              className="px-1 max-md:h-11"
              aria-label={`${t.otherLanguageShort}: ${t.otherLanguage}`}
              onClick={() => setLocale(locale === "en" ? "pt-BR" : "en")}
            >
              <Globe aria-hidden="true" className="size-3.5" />
              {t.otherLanguageShort}
            </Button>
          </div>
        </div>
      </div>
      <div className="relative overflow-hidden border-line border-l bg-page max-xl:hidden">
        <TilePattern />
      </div>
    </main>
  );
}
