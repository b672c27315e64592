/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { describe, expect, it } from "vitest";
import type { Tag } from "@/api/types";
import { colorByName, colorOf } from "./tagColor";

function tag(name: string, color: Tag["color"]): Tag {
  return { id: name, name, color, description: null, created_at: "1", updated_at: "1" };
}

describe("colorOf", () => {
  it("is the tag's of that name, in any case", () => {
    expect(colorOf("vip", [tag("Festa", "red"), tag("VIP", "purple")])).toBe("purple");
  });

  it("is the name's where the tag has none, or there is no tag, or no list yet", () => {
    for (const tags of [[tag("VIP", null)], [], undefined]) {
      expect(colorOf("VIP", tags)).toBe(colorByName("VIP"));
    }
  });
});
