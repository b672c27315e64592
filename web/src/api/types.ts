/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The shapes of schema/openapi.yaml that the inbox uses. */

export type Role = "owner" | "admin" | "supervisor" | "agent" | "viewer";
export type ConversationStatus = "active" | "pending" | "snoozed" | "closed";
export type MessageStatus = "pending" | "sent" | "failed" | "delivered" | "read";
export type SenderType = "contact" | "agent" | "system" | "bot";

export interface User {
  id: string;
  tenant_id: string;
  email: string;
  name: string;
  role: Role;
}

export interface Session {
  access_token: string;
  token_type: "Bearer";
  expires_in: number;
  refresh_token: string | null;
  user: User;
}

export interface Colleague {
  id: string;
  name: string;
  role: Role;
  active: boolean;
}

export interface WhatsAppNumber {
  id: string;
  name: string;
  display_phone_number: string | null;
  status: string;
}

export interface Contact {
  id: string;
  name: string;
  phone: string | null;
  username?: string | null;
}

/** What the message events tell of the conversation. */
export interface ConversationBrief {
  id: string;
  contact: Contact;
  status: ConversationStatus;
  unread_count: number;
  last_message: string | null;
  last_message_time: string | null;
  assigned_to: string | null;
  window_expires_at: string | null;
}

export interface Conversation extends ConversationBrief {
  whatsapp_config_id: string;
  tags: string[];
  metadata: Record<string, unknown>;
  created_at: string;
  updated_at: string;
}

export interface MessageError {
  code: string | number;
  title: string | null;
  detail: string | null;
}

export interface Message {
  id: string;
  conversation_id: string;
  sender_type: SenderType;
  sender_id: string | null;
  content: string;
  message_type: string;
  whatsapp_message_id: string | null;
  status: MessageStatus;
  error: MessageError | null;
  reply_to: string | null;
  metadata: Record<string, unknown>;
  created_at: string;
  received_at: string;
}

export interface Since {
  seq: number;
  id: string | null;
}

export interface Page<T> {
  data: T[];
  next_cursor: string | null;
  since?: Since;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  request_id: string;
  errors?: { field: string; code: string; message: string }[];
}
