/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { ptBR } from "./pt-BR";

/** What every language has: the same keys, and functions of the same arguments. */
export type Messages = {
  [K in keyof typeof ptBR]: (typeof ptBR)[K] extends (...args: infer A) => string
    ? (...args: A) => string
    : string;
};

export type Locale = "pt-BR" | "en";
