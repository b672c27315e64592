/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { ShownMessage } from "./items";

/*
 * A message's payload is what WhatsApp sent: every part of it may be missing
 * or of another type, so it is read with care.
 */

type Bag = Record<string, unknown>;

function bag(v: unknown): Bag {
  return typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Bag) : {};
}

function text(v: unknown): string {
  return typeof v === "string" ? v : "";
}

function num(v: unknown): number | null {
  return typeof v === "number" && Number.isFinite(v) ? v : null;
}

function list(v: unknown): unknown[] {
  return Array.isArray(v) ? v : [];
}

export function mediaOf(m: ShownMessage): { mime: string; fileName: string; voice: boolean } {
  const own = bag(m.metadata[m.message_type]);

  return {
    mime: text(own.mime_type),
    fileName: text(own.filename),
    voice: own.voice === true || m.metadata.voice === true,
  };
}

export function locationOf(m: ShownMessage) {
  const own = bag(m.metadata.location);
  const latitude = num(own.latitude);
  const longitude = num(own.longitude);

  return {
    name: text(own.name),
    address: text(own.address),
    map:
      latitude === null || longitude === null
        ? null
        : `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=17/${latitude}/${longitude}`,
  };
}

export interface Card {
  name: string;
  phones: string[];
}

export function contactsOf(m: ShownMessage): Card[] {
  return list(m.metadata.contacts).map((c) => {
    const own = bag(c);

    return {
      name: text(bag(own.name).formatted_name),
      phones: list(own.phones)
        .map((p) => text(bag(p).phone))
        .filter((p) => p !== ""),
    };
  });
}

export function orderOf(m: ShownMessage): { items: number; note: string } {
  const own = bag(m.metadata.order);

  return { items: list(own.product_items).length, note: text(own.text) };
}

export function replyOf(m: ShownMessage) {
  const own = bag(m.metadata.interactive);
  const inner = bag(own.list_reply ?? own.button_reply);

  return {
    list: own.list_reply !== undefined,
    title: text(inner.title),
    description: text(inner.description),
  };
}

export function advertOf(m: ShownMessage): { headline: string; body: string } | null {
  const own = bag(m.metadata.referral);
  const headline = text(own.headline);
  const body = text(own.body);

  return headline === "" && body === "" ? null : { headline, body };
}

export function originalType(m: ShownMessage): string {
  return text(m.metadata.original_type);
}
