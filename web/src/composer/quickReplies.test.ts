/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { describe, expect, it } from "vitest";
import type { QuickReply } from "@/api/types";
import { matching, slashed, withReply } from "./quickReplies";

function reply(shortcut: string, content: string): QuickReply {
  return {
    id: shortcut,
    shortcut,
    content,
    attachments: [],
    buttons: [],
    team_ids: [],
    created_at: "1",
    updated_at: "1",
  };
}

const LIST = [
  reply("pix", "A chave é o e-mail"),
  reply("horário", "Abrimos das 6h às 20h"),
  reply("entrega", "Entregamos até as 18h, pague com pix"),
  reply("meupix", "Outra chave"),
];

describe("slashed", () => {
  it("is what stands behind the slash of one line", () => {
    expect(slashed("/")).toBe("");
    expect(slashed("/pix ")).toBe("pix ");
    expect(slashed("a /pix")).toBeNull();
    expect(slashed("/pix\n")).toBeNull();
  });
});

describe("matching", () => {
  it("finds by shortcut, then by text", () => {
    expect(matching(LIST, "pix").map((r) => r.shortcut)).toEqual(["pix", "meupix", "entrega"]);
  });

  it("knows no accents and no case", () => {
    expect(matching(LIST, "HORA").map((r) => r.shortcut)).toEqual(["horário"]);
    expect(matching(LIST, "às 20").map((r) => r.shortcut)).toEqual(["horário"]);
  });

  it("has all by the alphabet when nothing is typed, and none when nothing fits", () => {
    expect(matching(LIST, "").map((r) => r.shortcut)).toEqual([
      "entrega",
      "horário",
      "meupix",
      "pix",
    ]);
    expect(matching(LIST, "xyz")).toEqual([]);
  });
});

describe("withReply", () => {
  it("replaces the slash and what is behind it", () => {
    expect(withReply("/pix", "A chave", 4)).toEqual({ text: "A chave", at: 7 });
  });

  it("stands at the cursor of another text", () => {
    expect(withReply("Oi! Até", "A chave.", 4)).toEqual({ text: "Oi! A chave.Até", at: 12 });
  });
});
