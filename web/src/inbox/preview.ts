/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { Conversation } from "@/api/types";
import type { Messages } from "@/i18n";
import { formatPhone } from "@/i18n/format";

/** Who a conversation is with: a name, else a number, else a username. */
export function contactName(c: { contact: Conversation["contact"] }, t: Messages): string {
  const { name, phone, username } = c.contact;

  /* Whoever has no name of their own is stored under the bare number. */
  const bare = phone !== null && name.replace(/^\+/, "") === phone.replace(/\D/g, "");

  if (name.trim() !== "" && !bare) {
    return name;
  }
  return phone !== null ? formatPhone(phone) : username ? `@${username}` : t.contactUnnamed;
}

const HOUR_MS = 3_600_000;
/** The window's clock shows on a row when less than this is left. */
export const CLOCK_FROM_MS = 4 * HOUR_MS;
/** And is amber from here on. */
export const CLOCK_LATE_MS = HOUR_MS;
export const WINDOW_MS = 24 * HOUR_MS;

/** Milliseconds until WhatsApp's window closes; null when it never was open. */
export function windowLeft(expires: string | null, now: number): number | null {
  return expires === null ? null : Date.parse(expires) - now;
}

/** Rows have two heights, so the list knows each without measuring. */
export function hasThirdLine(c: Conversation, now: number): boolean {
  const left = windowLeft(c.window_expires_at, now);
  const clock = c.status !== "closed" && left !== null && left > 0 && left < CLOCK_FROM_MS;

  return clock || c.tags.length > 0 || c.assigned_to !== null;
}

export const ROW_PX = 72;
export const ROW_EXTRA_PX = 20;

/** Letters and digits of a text, without accents, for finding. */
export function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Whether a conversation is what `q` looks for: name, username, or digits of the number. */
export function matches(c: Conversation, q: string): boolean {
  const wanted = folded(q.trim());
  const digits = q.replace(/\D/g, "");

  if (wanted === "") {
    return true;
  }
  if (folded(c.contact.name).includes(wanted)) {
    return true;
  }
  if (c.contact.username && folded(c.contact.username).includes(wanted.replace(/^@/, ""))) {
    return true;
  }
  if (digits.length >= 3 && (c.contact.phone ?? "").replace(/\D/g, "").includes(digits)) {
    return true;
  }
  return folded(c.last_message ?? "").includes(wanted);
}
