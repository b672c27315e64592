/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { ServerEvent } from "@pytake/client";
import { QueryClient } from "@tanstack/react-query";
import { beforeEach } from "vitest";
import type { Conversation, Message } from "@/api/types";
import { findConversation, forgetListHead, putConversation } from "@/data/conversations";
import { keys } from "@/data/keys";
import { applyEvent } from "./apply";

const ME = "me";

function conversation(change: Partial<Conversation>): Conversation {
  return {
    id: "c",
    contact: { id: "k", name: "Ana", phone: null },
    whatsapp_config_id: "n",
    status: "active",
    unread_count: 0,
    last_message: null,
    last_message_time: null,
    assigned_to: null,
    tags: [],
    metadata: {},
    window_expires_at: null,
    created_at: "2026-01-01T00:00:00.000Z",
    updated_at: "2026-01-01T00:00:00.000Z",
    ...change,
  };
}

function received(seq: number, at: string, unread: number): ServerEvent {
  const c = conversation({ unread_count: unread, last_message: `m${seq}` });
  const m = { id: `m${seq}`, conversation_id: "c", sender_type: "contact", metadata: {} };

  return {
    event: "message_received",
    data: { ...(m as unknown as Message), conversation: c },
    timestamp: at,
    conversation_id: "c",
    seq,
    id: `e${seq}`,
  };
}

describe("events of one conversation", () => {
  let client: QueryClient;

  beforeEach(() => {
    forgetListHead();
    client = new QueryClient();
    client.setQueryData(keys.conversation("c"), conversation({}));
  });

  const unread = () => findConversation(client, "c")?.unread_count;

  it("count in the order of seq, whatever their times say", () => {
    applyEvent(client, received(7, "2026-01-01T00:00:01.010Z", 1), ME, {});
    applyEvent(client, received(8, "2026-01-01T00:00:01.005Z", 2), ME, {});
    expect(unread()).toBe(2);
    applyEvent(client, received(9, "2026-01-01T00:00:01.007Z", 3), ME, {});
    expect(unread()).toBe(3);
  });

  it("follow a newer answer that cannot hold them", () => {
    applyEvent(client, received(7, "2026-01-01T00:00:01.000Z", 1), ME, {});
    putConversation(
      client,
      conversation({ unread_count: 2, updated_at: "2026-01-01T00:00:01.010Z" }),
      ME,
    );
    applyEvent(client, received(9, "2026-01-01T00:00:01.005Z", 3), ME, {});
    expect(unread()).toBe(3);
  });

  it("that came before are left alone", () => {
    applyEvent(client, received(8, "2026-01-01T00:00:01.010Z", 2), ME, {});
    applyEvent(client, received(7, "2026-01-01T00:00:01.005Z", 1), ME, {});
    expect(unread()).toBe(2);
  });
});
