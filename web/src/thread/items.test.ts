/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { itemsOf, type ShownMessage } from "./items";

function said(key: string, minute: number, change: Partial<ShownMessage> = {}): ShownMessage {
  return {
    id: key,
    key,
    local: null,
    code: null,
    conversation_id: "c",
    sender_type: "contact",
    sender_id: null,
    content: key,
    message_type: "text",
    whatsapp_message_id: null,
    status: "delivered",
    error: null,
    reply_to: null,
    metadata: {},
    created_at: new Date(2026, 0, 5, 12, minute).toISOString(),
    received_at: "",
    ...change,
  };
}

const kinds = (items: ReturnType<typeof itemsOf>) =>
  items.map((i) => (i.kind === "group" ? i.messages.map((m) => m.key).join("+") : i.kind));

describe("a thread's items", () => {
  test("consecutive messages of one sender are one group", () => {
    const items = itemsOf([said("a", 0), said("b", 2), said("c", 9)], null, true, null, 0);

    expect(kinds(items)).toEqual(["day", "a+b", "c"]);
  });

  test("another sender, another day and the divider break a group", () => {
    const mine = { sender_type: "agent", sender_id: "me" } as const;
    const tomorrow = { created_at: new Date(2026, 0, 6, 12).toISOString() };
    const items = itemsOf(
      [said("a", 0), said("b", 0, mine), said("c", 1), said("d", 1), said("e", 0, tomorrow)],
      null,
      true,
      "d",
      2,
    );

    expect(kinds(items)).toEqual(["day", "a", "b", "c", "new", "d", "day", "e"]);
  });

  test("the first of a block has a day only when the block before ends on another", () => {
    expect(kinds(itemsOf([said("b", 1)], said("a", 0), false, null, 0))).toEqual(["b"]);
  });

  test("a system's message is an activity line", () => {
    const items = itemsOf([said("a", 0, { message_type: "system" })], null, false, null, 0);

    expect(kinds(items)).toEqual(["activity"]);
  });
});
