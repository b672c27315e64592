/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { Message, MessageStatus } from "@/api/types";
import type { OutboxItem } from "@/data/outbox";
import { daysApart } from "@/i18n/format";

/** Messages of one sender within this time are one group. */
export const GROUP_MS = 3 * 60_000;

/** A message as the thread shows it: the server's, or one that is still here. */
export interface ShownMessage extends Omit<Message, "status"> {
  key: string;
  status: MessageStatus | "queued";
  /** The outbox's id while the server does not have it. */
  local: string | null;
  /** Why it never left, a problem's code. */
  code: string | null;
}

export type Item =
  | { kind: "day"; key: string; at: string }
  | { kind: "new"; key: string; count: number }
  | { kind: "activity"; key: string; message: ShownMessage }
  | { kind: "group"; key: string; out: boolean; messages: ShownMessage[] };

export function shown(m: Message): ShownMessage {
  const mine = m.metadata.client_id;

  return { ...m, key: typeof mine === "string" ? mine : m.id, local: null, code: null };
}

export function shownItem(i: OutboxItem, me: string): ShownMessage {
  return {
    id: i.client_id,
    key: i.client_id,
    local: i.client_id,
    code: i.code,
    conversation_id: i.conversation_id,
    sender_type: "agent",
    sender_id: me,
    content: i.content,
    message_type: "text",
    whatsapp_message_id: null,
    status: i.state === "failed" ? "failed" : i.state === "sending" ? "pending" : "queued",
    error: null,
    reply_to: i.reply_to,
    metadata: {},
    created_at: i.at,
    received_at: i.at,
  };
}

function isActivity(m: ShownMessage): boolean {
  return m.sender_type === "system" || m.message_type === "system" || m.message_type === "activity";
}

function sameGroup(a: ShownMessage, b: ShownMessage): boolean {
  return (
    a.sender_type === b.sender_type &&
    a.sender_id === b.sender_id &&
    Date.parse(b.created_at) - Date.parse(a.created_at) <= GROUP_MS
  );
}

/**
 * A thread as separators, activity lines and groups.  `before` is the message
 * ahead of the first one; `newFrom` is the first that was unread when the
 * conversation was opened, of `newCount`.
 */
export function itemsOf(
  messages: readonly ShownMessage[],
  before: ShownMessage | null,
  atBeginning: boolean,
  newFrom: string | null,
  newCount: number,
): Item[] {
  const items: Item[] = [];
  let last = before;

  for (const m of messages) {
    let broken = false;
    const apart =
      last === null
        ? atBeginning
        : daysApart(new Date(last.created_at), new Date(m.created_at)) !== 0;

    if (apart) {
      items.push({ kind: "day", key: `day ${m.key}`, at: m.created_at });
      broken = true;
    }
    if (m.id === newFrom) {
      items.push({ kind: "new", key: `new ${m.key}`, count: newCount });
      broken = true;
    }

    const open = items.at(-1);

    if (isActivity(m)) {
      items.push({ kind: "activity", key: m.key, message: m });
    } else if (!broken && open?.kind === "group" && last !== null && sameGroup(last, m)) {
      open.messages.push(m);
    } else {
      items.push({
        kind: "group",
        key: `group ${m.key}`,
        out: m.sender_type !== "contact",
        messages: [m],
      });
    }
    last = m;
  }

  return items;
}
