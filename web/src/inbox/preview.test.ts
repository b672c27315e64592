/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { en } from "@/i18n/en";
import { contactName } from "./preview";

test.each([
  ["Ana", "+12025550199", "Ana"],
  ["12025550199", "12025550199", "+1 202 555 0199"],
  ["+12025550199", "+12025550199", "+1 202 555 0199"],
  ["", "+5511987654321", "+55 11 98765-4321"],
  ["12025550100", "+12025550199", "12025550100"],
  ["", null, en.contactUnnamed],
])("%j with the number %s is called %s", (name, phone, called) => {
  expect(contactName({ contact: { id: "", name, phone } }, en)).toBe(called);
});
