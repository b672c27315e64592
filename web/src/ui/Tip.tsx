/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { Tooltip } from "radix-ui";
import type { ReactElement } from "react";
import { Kbd } from "./Kbd";

export const TipProvider = Tooltip.Provider;

interface TipProps {
  text: string;
  keys?: string;
  side?: "top" | "bottom" | "right";
  children: ReactElement;
}

/** What an icon means, with its key, while the pointer or the focus is on it. */
export function Tip({ text, keys, side = "bottom", children }: TipProps) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content
          side={side}
          sideOffset={6}
          className="z-30 flex h-7 animate-fade items-center gap-2 rounded-control bg-ink px-2 text-meta-strong text-ink-inverse shadow-float"
        >
          {text}
          {keys !== undefined && (
            <Kbd className="border-current bg-transparent text-current">{keys}</Kbd>
          )}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
