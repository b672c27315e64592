/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { en } from "./en";
import { type Format, makeFormat } from "./format";
import type { Locale, Messages } from "./messages";
import { ptBR } from "./pt-BR";

export type { Format, Locale, Messages };

const KEY = "pytake.locale";
const dictionaries: Record<Locale, Messages> = { "pt-BR": ptBR, en };

interface I18n {
  locale: Locale;
  t: Messages;
  fmt: Format;
  setLocale: (locale: Locale) => void;
}

const Context = createContext<I18n | null>(null);

function isLocale(value: string | null): value is Locale {
  return value === "pt-BR" || value === "en";
}

/** The language that was chosen here, else the browser's, else Portuguese. */
function chosen(): Locale {
  try {
    const kept = localStorage.getItem(KEY);

    if (isLocale(kept)) {
      return kept;
    }
  } catch {
    /* Storage may be forbidden; the browser's language will do. */
  }

  const first = navigator.languages?.[0] ?? navigator.language ?? "";

  return first.toLowerCase().startsWith("pt") || first === "" ? "pt-BR" : "en";
}

export function I18nProvider({ children, initial }: { children: ReactNode; initial?: Locale }) {
  const [locale, set] = useState<Locale>(initial ?? "pt-BR");

  useEffect(() => {
    if (initial === undefined) {
      set(chosen());
    }
  }, [initial]);

  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);

  const value = useMemo<I18n>(() => {
    const t = dictionaries[locale];

    return {
      locale,
      t,
      fmt: makeFormat(locale, t),
      setLocale(next) {
        set(next);
        try {
          localStorage.setItem(KEY, next);
        } catch {
          /* It then holds for this page alone. */
        }
      },
    };
  }, [locale]);

  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useI18n(): I18n {
  const value = useContext(Context);

  if (value === null) {
    throw new Error("useI18n needs an I18nProvider above it");
  }

  return value;
}
