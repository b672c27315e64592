/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { SettingsTexts } from "@/i18n/settings";

/** What a fault's code means at its field. */
export function faultText(
  code: string | undefined,
  s: SettingsTexts,
  taken: string,
): string | undefined {
  switch (code) {
    case undefined:
      return undefined;
    case "required":
      return s.faultRequired;
    case "too_long":
      return s.faultTooLong;
    case "taken":
      return taken;
    default:
      return s.faultOther;
  }
}
