/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { ptBR } from "@/i18n/pt-BR";
import { gist } from "./kinds";

test.each([
  ["[image]", "Foto", true],
  ["[sticker]", "Figurinha", true],
  ["[location]", "Localização", true],
  ["[whatever]", "[whatever]", false],
  ["[image] e mais", "[image] e mais", false],
  ["bom dia", "bom dia", false],
  ["", "", false],
])("of %s the list says %s", (last, text, icon) => {
  expect(gist(last, ptBR).text).toBe(text);
  expect(gist(last, ptBR).icon !== null).toBe(icon);
});
