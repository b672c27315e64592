/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { QueryClient } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import type { Tag } from "@/api/types";
import { listAfter, tellNoun } from "./nouns";

function tag(id: string, name: string, at: string): Tag {
  return { id, name, color: null, description: null, created_at: "1", updated_at: at };
}

const A = tag("a", "VIP", "2");
const B = tag("b", "Festa", "3");

describe("listAfter", () => {
  it("puts what was made in front, once", () => {
    expect(listAfter([A], "created", B)).toEqual([B, A]);
    expect(listAfter([B, A], "created", B)).toEqual([B, A]);
  });

  it("changes in place, and never back", () => {
    const now = tag("a", "VIP+", "4");

    expect(listAfter([B, A], "updated", now)).toEqual([B, now]);
    expect(listAfter([B, now], "updated", A)).toEqual([B, now]);
  });

  it("does not bring back what is gone", () => {
    expect(listAfter([B], "updated", A)).toEqual([B]);
    expect(listAfter([B], "deleted", A)).toEqual([B]);
    expect(listAfter([B, A], "deleted", A)).toEqual([B]);
  });
});

describe("tellNoun", () => {
  it("leaves a list that nobody has asked for", () => {
    const client = new QueryClient();

    tellNoun(client, "tags", "created", A);
    expect(client.getQueryData(["tags"])).toBeUndefined();
    client.setQueryData(["tags"], [B]);
    tellNoun(client, "tags", "created", A);
    expect(client.getQueryData(["tags"])).toEqual([A, B]);
  });
});
