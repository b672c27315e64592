/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { Locale, Messages } from "./messages";

const DAY_MS = 86_400_000;

/** Dates, times and numbers in one language, in the browser's time zone. */
export interface Format {
  time(at: Date): string;
  /** For a row: the time today, "yesterday", a weekday, else the day. */
  row(at: Date, now: Date): string;
  /** For a separator: "Today", "Yesterday", else the whole day. */
  day(at: Date, now: Date): string;
  /** In a sentence: "today, 14:32", "tomorrow, 15:41", "12 November, 09:00". */
  moment(at: Date, now: Date): string;
  /** Time left, e.g. "23 h 58 min", "42 min". */
  left(ms: number): string;
  number(n: number): string;
  full(at: Date): string;
  date(at: Date): string;
}

/* Country codes of one and of two digits (ITU E.164); the others have three. */
const CODE = /^(?:[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/;
const E164_MIN = 8;
const E164_MAX = 15;

/** Groups of three from the left; a single digit that is left joins the last one. */
function threes(digits: string): string {
  return (digits.match(/\d{4}$|\d{3}(?!\d$)|\d+/g) ?? []).join(" ");
}

/**
 * A number for reading.  Brazilian and North American ones are grouped as people
 * there write them; of the others only the country's code is known for certain,
 * and the rest is in threes.  What has groups already, or is no number, stays.
 */
export function formatPhone(phone: string): string {
  const digits = phone.replace(/^\+/, "");

  if (!/^\d+$/.test(digits) || digits.length < E164_MIN || digits.length > E164_MAX) {
    return phone;
  }

  const brazil = /^55(\d\d)(\d{4,5})(\d{4})$/.exec(digits);
  const america = /^1(\d{3})(\d{3})(\d{4})$/.exec(digits);

  if (brazil !== null) {
    return `+55 ${brazil[1]} ${brazil[2]}-${brazil[3]}`;
  }
  if (america !== null) {
    return `+1 ${america[1]} ${america[2]} ${america[3]}`;
  }

  const code = CODE.exec(digits)?.[0] ?? digits.slice(0, 3);

  return `+${code} ${threes(digits.slice(code.length))}`;
}

/** Whole local days from `a` to `b`; the hour of a change of clocks does not count. */
export function daysApart(a: Date, b: Date): number {
  const x = Date.UTC(a.getFullYear(), a.getMonth(), a.getDate());
  const y = Date.UTC(b.getFullYear(), b.getMonth(), b.getDate());

  return Math.round((y - x) / DAY_MS);
}

export function makeFormat(locale: Locale, t: Messages): Format {
  const tag = locale === "en" ? "en-GB" : "pt-BR";
  const time = new Intl.DateTimeFormat(tag, { hour: "2-digit", minute: "2-digit" });
  const weekday = new Intl.DateTimeFormat(tag, { weekday: "short" });
  const weekdayLong = new Intl.DateTimeFormat(tag, { weekday: "long" });
  const short = new Intl.DateTimeFormat(tag, { day: "numeric", month: "short" });
  const year = new Intl.DateTimeFormat(tag, { day: "numeric", month: "short", year: "numeric" });
  const long = new Intl.DateTimeFormat(tag, { weekday: "long", day: "numeric", month: "long" });
  const full = new Intl.DateTimeFormat(tag, { dateStyle: "long", timeStyle: "short" });
  const number = new Intl.NumberFormat(tag);
  const sameYear = (a: Date, b: Date) => a.getFullYear() === b.getFullYear();
  const dayOf = (at: Date, now: Date) => (sameYear(at, now) ? short : year).format(at);

  return {
    time: (at) => time.format(at),
    row(at, now) {
      const days = daysApart(at, now);

      if (days <= 0) {
        return time.format(at);
      }
      if (days === 1) {
        return t.yesterday.toLowerCase();
      }
      return days < 7 ? weekday.format(at) : dayOf(at, now);
    },
    day(at, now) {
      const days = daysApart(at, now);

      if (days <= 0) {
        return t.today;
      }
      if (days === 1) {
        return t.yesterday;
      }
      return sameYear(at, now) ? long.format(at) : year.format(at);
    },
    moment(at, now) {
      const days = daysApart(at, now);
      const hour = time.format(at);

      if (days === 0) {
        return `${t.today.toLowerCase()}, ${hour}`;
      }
      if (days === 1) {
        return `${t.yesterday.toLowerCase()}, ${hour}`;
      }
      if (days === -1) {
        return `${locale === "en" ? "tomorrow" : "amanhã"}, ${hour}`;
      }
      return `${days > 1 && days < 7 ? weekdayLong.format(at) : dayOf(at, now)}, ${hour}`;
    },
    left(ms) {
      const minutes = Math.max(0, Math.floor(ms / 60_000));
      const hours = Math.floor(minutes / 60);

      return hours > 0
        ? `${hours} h ${String(minutes % 60).padStart(2, "0")} min`
        : `${minutes} min`;
    },
    number: (n) => number.format(n),
    full: (at) => full.format(at),
    date: (at) => year.format(at),
  };
}
