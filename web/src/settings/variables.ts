/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/** What the server fills in a quick reply. */
export const VARIABLES = ["contact.name", "contact.phone", "agent.name", "company.name"] as const;

export type Variable = (typeof VARIABLES)[number];

export interface Part {
  text: string;
  kind: "plain" | "filled" | "unknown";
}

/* As the server reads it: "{{", a name without a brace that opens, "}}". */
const NAME = /\{\{([^{]*?)\}\}/g;

function isVariable(name: string): name is Variable {
  return (VARIABLES as readonly string[]).includes(name);
}

/** The text with its variables filled; a name that is none stays, as the customer would read it. */
export function parts(content: string, values: Record<Variable, string>): Part[] {
  const out: Part[] = [];
  let at = 0;

  for (const found of content.matchAll(NAME)) {
    const name = (found[1] ?? "").trim();

    if (found.index > at) {
      out.push({ text: content.slice(at, found.index), kind: "plain" });
    }
    out.push(
      isVariable(name)
        ? { text: values[name], kind: "filled" }
        : { text: found[0], kind: "unknown" },
    );
    at = found.index + found[0].length;
  }
  if (at < content.length) {
    out.push({ text: content.slice(at), kind: "plain" });
  }
  return out;
}

/** The text with a variable at the selection, and where the cursor is behind it. */
export function inserted(
  content: string,
  variable: Variable,
  from: number,
  to: number,
): { content: string; at: number } {
  const word = `{{${variable}}}`;

  return { content: content.slice(0, from) + word + content.slice(to), at: from + word.length };
}
