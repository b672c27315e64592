/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useEffect } from "react";

/*
 * What the keys can do.  Each pane offers its part while it is on the screen;
 * the last one that offered a command has it.
 */
export type Command = "assign" | "panel" | "reply" | "help" | "finish";

const offered = new Map<Command, (() => void)[]>();

export function runCommand(name: Command): boolean {
  const last = offered.get(name)?.at(-1);

  last?.();
  return last !== undefined;
}

export function useCommands(commands: Partial<Record<Command, () => void>>): void {
  useEffect(() => {
    const mine = Object.entries(commands) as [Command, () => void][];

    for (const [name, run] of mine) {
      offered.set(name, [...(offered.get(name) ?? []), run]);
    }

    return () => {
      for (const [name, run] of mine) {
        offered.set(
          name,
          (offered.get(name) ?? []).filter((x) => x !== run),
        );
      }
    };
  });
}
