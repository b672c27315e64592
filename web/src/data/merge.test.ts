/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { Conversation, Message } from "@/api/types";
import {
  blocks,
  type ConversationPages,
  grown,
  type MessagePages,
  mergeMessage,
  placed,
  raised,
  rows,
  withMessage,
} from "./merge";

const ME = "me";

function conversation(id: string, change: Partial<Conversation> = {}): Conversation {
  return {
    id,
    contact: { id: `k${id}`, name: id, phone: null },
    whatsapp_config_id: "n",
    status: "active",
    unread_count: 0,
    last_message: id,
    last_message_time: `2026-01-01T00:00:${id.padStart(2, "0")}.000Z`,
    assigned_to: null,
    tags: [],
    metadata: {},
    window_expires_at: null,
    created_at: "2026-01-01T00:00:00.000Z",
    updated_at: "2026-01-01T00:00:00.000Z",
    ...change,
  };
}

function message(id: string, change: Partial<Message> = {}): Message {
  return {
    id,
    conversation_id: "c",
    sender_type: "agent",
    sender_id: ME,
    content: id,
    message_type: "text",
    whatsapp_message_id: null,
    status: "pending",
    error: null,
    reply_to: null,
    metadata: {},
    created_at: "2026-01-01T00:00:00.000Z",
    received_at: "2026-01-01T00:00:00.000Z",
    ...change,
  };
}

function lists(data: Conversation[][], more = false): ConversationPages {
  return {
    pages: data.map((page, i) => ({
      data: page,
      next_cursor: i < data.length - 1 || more ? "more" : null,
    })),
    pageParams: data.map(() => null),
  };
}

function thread(data: Message[][], more = false): MessagePages {
  return {
    pages: data.map((page, i) => ({
      data: page,
      next_cursor: i < data.length - 1 || more ? "more" : null,
    })),
    pageParams: data.map(() => null),
  };
}

const ALL = { queue: "all", shelf: "open" } as const;
const MINE = { queue: "mine", shelf: "open" } as const;
const ids = (pages: ConversationPages) => rows(pages).map((c) => c.id);

describe("a list", () => {
  const base = lists([[conversation("30"), conversation("20")], [conversation("10")]]);

  test("is newest first, each once", () => {
    const twice = lists([[conversation("20"), conversation("30")], [conversation("30")]]);

    expect(ids(twice)).toEqual(["30", "20"]);
  });

  test("takes a new one in", () => {
    expect(ids(placed(base, ALL, conversation("40"), ME))).toEqual(["40", "30", "20", "10"]);
  });

  test("moves one up when something was said", () => {
    const said = conversation("10", {
      last_message_time: "2026-01-01T00:01:00.000Z",
      updated_at: "2026-01-01T00:01:00.000Z",
    });

    expect(ids(placed(base, ALL, said, ME))).toEqual(["10", "30", "20"]);
  });

  test("lets one go that was closed, or given to somebody else", () => {
    const closed = conversation("20", { status: "closed", updated_at: "2026-02-01T00:00:00.000Z" });
    const mine = lists([[conversation("20", { assigned_to: ME })]]);
    const given = conversation("20", { assigned_to: "x", updated_at: "2026-02-01T00:00:00.000Z" });

    expect(ids(placed(base, ALL, closed, ME))).toEqual(["30", "10"]);
    expect(ids(placed(mine, MINE, given, ME))).toEqual([]);
  });

  test("does not take an older answer over a newer event", () => {
    const now = conversation("20", { unread_count: 3, updated_at: "2026-02-01T00:00:00.000Z" });
    const late = conversation("20", { unread_count: 1 });
    const pages = placed(placed(base, ALL, now, ME), ALL, late, ME);

    expect(rows(pages).find((c) => c.id === "20")?.unread_count).toBe(3);
  });

  test("leaves one that belongs behind its last page to that page", () => {
    const part = lists([[conversation("30"), conversation("20")]], true);

    expect(ids(placed(part, ALL, conversation("05"), ME))).toEqual(["30", "20"]);
  });
});

describe("a message", () => {
  test("only moves up, in whatever order it is told", () => {
    const read = message("m", { status: "read" });
    const sent = message("m", { status: "sent", whatsapp_message_id: "w" });

    expect(mergeMessage(read, sent).status).toBe("read");
    expect(raised(read, { status: "delivered" })).toBe(read);
    expect(raised(message("m"), { status: "failed" }).status).toBe("failed");
    expect(raised(message("m", { status: "failed" }), { status: "delivered" }).status).toBe(
      "delivered",
    );
  });

  test("keeps WhatsApp's id when a status comes without it", () => {
    const sent = message("m", { status: "sent", whatsapp_message_id: "w" });

    expect(raised(sent, { status: "read" }).whatsapp_message_id).toBe("w");
  });
});

describe("a thread", () => {
  const base = thread([
    [message("m4"), message("m3")],
    [message("m2"), message("m1")],
  ]);
  const order = (pages: MessagePages) =>
    blocks(pages)
      .flat()
      .map((m) => m.id);

  test("is oldest first", () => {
    expect(order(base)).toEqual(["m1", "m2", "m3", "m4"]);
  });

  test("takes a message once, by answer and by event", () => {
    const once = withMessage(base, message("m5"));

    expect(order(withMessage(once, message("m5", { status: "sent" })))).toEqual([
      "m1",
      "m2",
      "m3",
      "m4",
      "m5",
    ]);
  });

  test("puts a late one where it was said", () => {
    expect(order(withMessage(base, message("m35")))).toEqual(["m1", "m2", "m3", "m35", "m4"]);
  });

  test("leaves one of an unloaded page to it", () => {
    expect(order(withMessage(thread([[message("m4")]], true), message("m0")))).toEqual(["m4"]);
  });
});

describe("grown", () => {
  const page = (...ids: string[]) => ({
    data: ids.map((id) => conversation(id)),
    next_cursor: "c",
  });
  const pages = (...all: ReturnType<typeof page>[]): ConversationPages => ({
    pages: all,
    pageParams: all.map(() => null),
  });

  test("a page more leaves those before it as events made them", () => {
    const now = pages(page("5", "3"));

    expect(grown(now, pages(page("4", "3"), page("2"))).pages).toEqual([page("5", "3"), page("2")]);
  });

  test("an answer of as many pages is taken whole", () => {
    const answer = pages(page("4"));

    expect(grown(pages(page("5")), answer)).toBe(answer);
    expect(grown(undefined, answer)).toBe(answer);
  });
});
