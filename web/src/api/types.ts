/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { components } from "@pytake/client/schema";

/* The shapes of schema/openapi.yaml that the inbox uses, under its own names. */

type Schemas = components["schemas"];

export type Role = Schemas["Role"];
export type ConversationStatus = Schemas["ConversationStatus"];
export type MessageStatus = Schemas["MessageStatus"];
export type User = Schemas["User"];
export type Session = Schemas["Session"];
export type Colleague = Schemas["Colleague"];
export type WhatsAppNumber = Schemas["Number"];
export type Message = Schemas["Message"];
export type SenderType = Message["sender_type"];
export type MessageError = NonNullable<Schemas["MessageError"]>;
export type Tag = Schemas["Tag"];
export type TagColor = NonNullable<Tag["color"]>;
export type TagInput = Schemas["TagInput"];
export type QuickReply = Schemas["QuickReply"];
export type QuickReplyInput = Schemas["QuickReplyInput"];
export type Since = Schemas["Since"];
export type Problem = Schemas["Problem"];

/** Who has no number has a username.  The server's answers do not tell it yet. */
export type Contact = Schemas["Contact"] & { username?: string | null };
export type Conversation = Omit<Schemas["Conversation"], "contact"> & { contact: Contact };

/** What the message events tell of the conversation. */
export type ConversationBrief = Pick<
  Conversation,
  | "id"
  | "contact"
  | "status"
  | "unread_count"
  | "last_message"
  | "last_message_time"
  | "assigned_to"
  | "window_expires_at"
>;

/** One page of any list.  Pages that the inbox makes up have no `since`. */
export interface Page<T> {
  data: T[];
  next_cursor: string | null;
  since?: Since;
}
