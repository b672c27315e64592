/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { describe, expect, it } from "vitest";
import { inserted, parts } from "./variables";

const VALUES = {
  "contact.name": "Zoë",
  "contact.phone": "+55",
  "agent.name": "Ana",
  "company.name": "Sol",
};

function text(content: string): string {
  return parts(content, VALUES)
    .map((p) => p.text)
    .join("");
}

describe("parts", () => {
  it("fills what the server fills", () => {
    expect(text("Oi, {{contact.name}}! Aqui é {{ agent.name }}.")).toBe("Oi, Zoë! Aqui é Ana.");
    expect(text("{{{contact.name}}}")).toBe("{Zoë}");
    expect(text("")).toBe("");
  });

  it("leaves what is no variable, and says so", () => {
    expect(parts("a {{nome}} b", VALUES)).toEqual([
      { text: "a ", kind: "plain" },
      { text: "{{nome}}", kind: "unknown" },
      { text: " b", kind: "plain" },
    ]);
    expect(text("{{contact.name")).toBe("{{contact.name");
    expect(text("{{a{{contact.name}}")).toBe("{{aZoë");
  });
});

describe("inserted", () => {
  it("stands where the cursor was, in place of what was marked", () => {
    expect(inserted("Oi, X!", "contact.name", 4, 5)).toEqual({
      content: "Oi, {{contact.name}}!",
      at: 20,
    });
  });
});
