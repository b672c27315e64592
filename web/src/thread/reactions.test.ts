/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { Message } from "@/api/types";
import { reactionsOf, sameReactions } from "./reactions";

function said(id: string, change: Partial<Message> = {}): Message {
  return {
    id,
    conversation_id: "c",
    sender_type: "contact",
    sender_id: null,
    content: id,
    message_type: "text",
    whatsapp_message_id: null,
    status: "delivered",
    error: null,
    reply_to: null,
    metadata: {},
    created_at: "",
    received_at: "",
    ...change,
  };
}

const heart = (id: string, to: string, content = "❤") =>
  said(id, { message_type: "reaction", reply_to: to, content });

describe("reactions", () => {
  test("stand at the message that they are of, also across pages", () => {
    const { at, told } = reactionsOf([[said("a")], [said("b"), heart("r", "a")]]);

    expect(at.get("a")).toEqual([{ from: "contact", emoji: "❤" }]);
    expect([...told]).toEqual(["r"]);
  });

  test("the last one of somebody counts, and an empty one takes it back", () => {
    const two = reactionsOf([[said("a"), heart("r", "a"), heart("s", "a", "👍")]]);
    const none = reactionsOf([[said("a"), heart("r", "a"), heart("s", "a", "")]]);

    expect(two.at.get("a")).toEqual([{ from: "contact", emoji: "👍" }]);
    expect(none.at.get("a")).toEqual([]);
    expect([...none.told]).toEqual(["r", "s"]);
  });

  test("one to a message that is not loaded stays a message", () => {
    expect(reactionsOf([[heart("r", "elsewhere")]]).told.size).toBe(0);
  });

  test("another message changes nothing of them", () => {
    const before = reactionsOf([[said("a"), heart("r", "a")]]);

    expect(sameReactions(before, reactionsOf([[said("a"), heart("r", "a"), said("b")]]))).toBe(
      true,
    );
    expect(sameReactions(before, reactionsOf([[said("a"), heart("r", "a", "👍")]]))).toBe(false);
  });
});
