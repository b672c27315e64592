/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { type Locale, useI18n } from "./index";
import { settingsEn } from "./settings.en";
import { settingsPtBR } from "./settings.pt-BR";

/* The settings' texts are loaded with the settings. */

export type SettingsTexts = {
  [K in keyof typeof settingsPtBR]: (typeof settingsPtBR)[K] extends (...args: infer A) => string
    ? (...args: A) => string
    : (typeof settingsPtBR)[K] extends string
      ? string
      : Record<keyof (typeof settingsPtBR)[K], string>;
};

const dictionaries: Record<Locale, SettingsTexts> = { "pt-BR": settingsPtBR, en: settingsEn };

export function useSettingsTexts(): SettingsTexts {
  return dictionaries[useI18n().locale];
}
