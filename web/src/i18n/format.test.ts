/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { en } from "./en";
import { daysApart, formatPhone, makeFormat } from "./format";
import { ptBR } from "./pt-BR";

const NOW = new Date(2026, 4, 14, 15, 30);
const ago = (days: number, hour = 9) => new Date(2026, 4, 14 - days, hour, 5);

describe("times", () => {
  const pt = makeFormat("pt-BR", ptBR);
  const english = makeFormat("en", en);

  test("of a row get coarser with age", () => {
    expect(pt.row(ago(0), NOW)).toBe("09:05");
    expect(pt.row(ago(1), NOW)).toBe("ontem");
    expect(pt.row(ago(3), NOW)).toMatch(/^seg/);
    expect(pt.row(ago(20), NOW)).toContain("24");
    expect(english.row(ago(1), NOW)).toBe("yesterday");
  });

  test("of a window are hours and minutes", () => {
    expect(pt.left((23 * 60 + 58) * 60_000)).toBe("23 h 58 min");
    expect(pt.left(42 * 60_000)).toBe("42 min");
    expect(pt.left(-5)).toBe("0 min");
  });

  test("in a sentence name the day", () => {
    expect(pt.moment(ago(0), NOW)).toBe("hoje, 09:05");
    expect(pt.moment(ago(2), NOW)).toMatch(/^terça-feira, 09:05/);
    expect(english.moment(ago(-1), NOW)).toBe("tomorrow, 09:05");
  });
});

test.each([
  ["+5511987654321", "+55 11 98765-4321"],
  ["551134567890", "+55 11 3456-7890"],
  ["+12025550123", "+1 202 555 0123"],
  ["+351912345678", "+351 912 345 678"],
  ["+4915123456789", "+49 151 234 567 89"],
  ["+33612345678", "+33 612 345 678"],
  ["+442071838750", "+44 207 183 8750"],
  ["+79161234567", "+7 916 123 4567"],
  ["+59899123456", "+598 991 234 56"],
  ["+55 11 5555-0100", "+55 11 5555-0100"],
  ["+5511", "+5511"],
  ["@joana", "@joana"],
  ["", ""],
])("the number %s reads %s", (phone, text) => {
  expect(formatPhone(phone)).toBe(text);
});

test("days are counted by the calendar", () => {
  expect(daysApart(new Date(2026, 0, 1, 23, 59), new Date(2026, 0, 2, 0, 1))).toBe(1);
  expect(daysApart(new Date(2026, 0, 1, 0, 1), new Date(2026, 0, 1, 23, 59))).toBe(0);
});

test("every language has every text", () => {
  expect(Object.keys(en).sort()).toEqual(Object.keys(ptBR).sort());
  for (const [key, value] of Object.entries(en)) {
    expect(typeof value, key).toBe(typeof ptBR[key as keyof typeof ptBR]);
  }
});
