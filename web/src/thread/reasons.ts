/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { Messages } from "@/i18n";
import type { ShownMessage } from "./items";

/*
 * Why a message failed, in words that say what to do.  The numbers are
 * WhatsApp's ("Error codes" of the Cloud API); the names are the API's.
 */
const WHATSAPP: Record<string, keyof Messages> = {
  "131047": "whyWindow",
  "131026": "whyNoWhatsApp",
  "131030": "whyNoWhatsApp",
  "130429": "whyRate",
  "131048": "whyRate",
  "80007": "whyRate",
  "131056": "whyPair",
  "131049": "whyExperiment",
  "130472": "whyExperiment",
  "190": "whyToken",
  "131005": "whyToken",
  "10": "whyToken",
  "0": "whyToken",
  "131031": "whyBlocked",
  "368": "whyBlocked",
  "131045": "whyBlocked",
  not_sent: "whyNotSent",
  forbidden: "whyForbidden",
  not_found: "whyGone",
  window_closed: "whyWindow",
  validation_failed: "whyInvalid",
};

/** The reason that a person reads. */
export function reasonOf(m: ShownMessage, t: Messages): string {
  const code = String(m.code ?? m.error?.code ?? "");
  const text = WHATSAPP[code];

  return text === undefined ? t.whyUnknown : (t[text] as string);
}

/** Whether it is still open what came of a message. */
export function outcomeUnknown(m: ShownMessage): boolean {
  return m.status === "pending" && m.error?.code === "outcome_unknown";
}
