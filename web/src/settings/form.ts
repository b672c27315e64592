/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { Problem } from "@/api/types";

/* What a form sends, and what came in between: without a screen. */

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The names of the fields in which two states of a form differ. */
export function differing<V extends object>(a: V, b: V): (keyof V & string)[] {
  return (Object.keys(a) as (keyof V & string)[]).filter((key) => !same(a[key], b[key]));
}

/** The fields of `now` that are not as in `before`: what a PATCH has to say. */
export function changedFields<V extends object>(now: V, before: V): Partial<V> {
  return Object.fromEntries(differing(now, before).map((key) => [key, now[key]])) as Partial<V>;
}

/** What was changed here, on top of what somebody else has changed meanwhile. */
export function rebased<V extends object>(mine: V, before: V, newest: V): V {
  return { ...newest, ...changedFields(mine, before) };
}

/** A problem's faults by field, as codes; null when it names none. */
export function faultsOf(problem: Problem | null): Record<string, string> | null {
  const errors = problem?.errors ?? [];

  return errors.length === 0
    ? null
    : Object.fromEntries([...errors].reverse().map((e) => [e.field, e.code]));
}

/** One key for each try of the same body: a second one does not make a second thing. */
export class TryKey {
  private body = "";
  private key = "";

  constructor(private readonly make: () => string) {}

  of(body: unknown): string {
    const text = JSON.stringify(body);

    if (text !== this.body) {
      this.body = text;
      this.key = this.make();
    }
    return this.key;
  }
}
