/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { ServerEvent } from "@pytake/client";
import type { QueryClient } from "@tanstack/react-query";
import type { Conversation, ConversationBrief, Message } from "@/api/types";
import {
  applyBrief,
  findConversation,
  learnConversation,
  patchConversation,
  putConversation,
  toldAt,
} from "@/data/conversations";
import { mapMessage, raised, withMessage } from "@/data/merge";
import { changeThread } from "@/data/messages";
import { type NounKind, type Nouns, tellNoun } from "@/data/nouns";
import { settleItem } from "@/data/outbox";
import { tellPresence, tellTyping } from "./people";

/** What the rest of the screen wants to know of an event. */
export interface Heard {
  onInbound?: (message: Message, conversation: ConversationBrief) => void;
}

type MessageData = Message & { conversation: ConversationBrief };

/** Patches the cache by one event.  Events that are not known change nothing. */
export function applyEvent(client: QueryClient, ev: ServerEvent, me: string, heard: Heard): void {
  switch (ev.event) {
    case "message_received":
    case "message_sent":
      message(client, ev as ServerEvent<MessageData>, me, heard);
      break;
    case "message_status_updated":
    case "message_updated":
      status(client, ev as ServerEvent<Message>);
      break;
    case "conversation_updated":
    case "conversation_closed":
      conversation(client, ev as ServerEvent<Conversation & { changes?: string[] }>, me);
      break;
    case "agent_assigned":
      assigned(client, ev as ServerEvent<{ conversation_id: string; user_id: string | null }>, me);
      break;
    case "typing_start":
    case "typing_stop":
      typing(ev as ServerEvent<{ conversation_id: string; user_id: string }>, me);
      break;
    case "presence_updated":
      presence(ev as ServerEvent<{ user_id: string; status: string; viewing: string | null }>, me);
      break;
    case "tag_created":
    case "tag_updated":
    case "tag_deleted":
      noun(client, "tags", ev as ServerEvent<Nouns["tags"] & Changed>);
      break;
    case "quick_reply_created":
    case "quick_reply_updated":
    case "quick_reply_deleted":
      noun(client, "quick-replies", ev as ServerEvent<Nouns["quick-replies"] & Changed>);
      break;
    default:
      break;
  }
}

/** What an event says besides the thing itself. */
interface Changed {
  changes?: string[];
}

function noun<K extends NounKind>(
  client: QueryClient,
  kind: K,
  ev: ServerEvent<Nouns[K] & Changed>,
) {
  const { changes: _changes, ...row } = ev.data;
  const what = ev.event.slice(ev.event.lastIndexOf("_") + 1) as "created" | "updated" | "deleted";

  tellNoun(client, kind, what, row as unknown as Nouns[K]);
}

function message(client: QueryClient, ev: ServerEvent<MessageData>, me: string, heard: Heard) {
  const { conversation: brief, ...m } = ev.data;
  const mine = m.metadata.client_id;

  changeThread(client, m.conversation_id, (pages) => withMessage(pages, m));
  if (typeof mine === "string") {
    settleItem(mine);
  }
  if (m.sender_type !== "contact" && m.sender_id !== null) {
    tellTyping(m.conversation_id, m.sender_id, false);
  }
  applyBrief(client, brief, { at: ev.timestamp, seq: ev.seq }, me);
  if (ev.event === "message_received") {
    heard.onInbound?.(m, brief);
  }
}

function status(client: QueryClient, ev: ServerEvent<Message>) {
  changeThread(client, ev.data.conversation_id, (pages) =>
    mapMessage(pages, ev.data.id, (m) => raised(m, ev.data)),
  );
}

function conversation(
  client: QueryClient,
  ev: ServerEvent<Conversation & { changes?: string[]; by_user_id?: string | null }>,
  me: string,
) {
  const { changes: _changes, by_user_id: _by, ...c } = ev.data;

  if (typeof c.updated_at === "string" && typeof c.created_at === "string") {
    const had = findConversation(client, c.id);
    const at = had === undefined ? c.updated_at : toldAt(had, { at: c.updated_at, seq: ev.seq });

    if (at !== null) {
      putConversation(client, { ...c, updated_at: at }, me);
    }
  } else {
    learnConversation(client, c.id, me);
  }
}

function assigned(
  client: QueryClient,
  ev: ServerEvent<{ conversation_id: string; user_id: string | null }>,
  me: string,
) {
  const id = ev.data.conversation_id;
  const had = findConversation(client, id);

  const at = had === undefined ? null : toldAt(had, { at: ev.timestamp, seq: ev.seq });

  if (had === undefined) {
    learnConversation(client, id, me);
  } else if (at !== null) {
    patchConversation(client, id, { assigned_to: ev.data.user_id, updated_at: at }, me);
  }
}

function typing(ev: ServerEvent<{ conversation_id: string; user_id: string }>, me: string) {
  if (ev.data.user_id !== me) {
    tellTyping(ev.data.conversation_id, ev.data.user_id, ev.event === "typing_start");
  }
}

function presence(
  ev: ServerEvent<{ user_id: string; status: string; viewing: string | null }>,
  me: string,
) {
  if (ev.data.user_id !== me) {
    tellPresence(ev.data.user_id, ev.data.status, ev.data.viewing);
  }
}
