/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { useI18n } from "@/i18n";
import { cn } from "@/lib/cn";
import { IconButton } from "./Button";
import { useReturnedFocus } from "./focus";

interface DialogProps {
  open: boolean;
  onOpenChange?: (open: boolean) => void;
  title: string;
  text?: string;
  /** Cannot be left but by what it offers. */
  firm?: boolean;
  wide?: boolean;
  children: ReactNode;
}

export function Dialog({ open, onOpenChange, title, text, firm, wide, children }: DialogProps) {
  const { t } = useI18n();
  const stay = (ev: Event) => {
    if (firm) {
      ev.preventDefault();
    }
  };

  const focus = useReturnedFocus();

  return (
    <Radix.Root open={open} {...(onOpenChange === undefined ? {} : { onOpenChange })}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 animate-fade bg-scrim" />
        <Radix.Content
          {...focus}
          onEscapeKeyDown={stay}
          onPointerDownOutside={stay}
          onInteractOutside={stay}
          {...(text === undefined ? { "aria-describedby": undefined } : {})}
          className={cn(
            "fixed top-1/2 left-1/2 z-50 max-h-[90dvh] w-[calc(100vw-32px)] -translate-x-1/2 -translate-y-1/2 animate-fade overflow-y-auto rounded-bubble border border-line-strong bg-card px-5 pt-5 pb-4 shadow-modal",
            wide ? "max-w-[640px]" : "max-w-[440px]",
          )}
        >
          {!firm && (
            <Radix.Close asChild>
              <IconButton
                className="absolute top-3.5 right-3 max-md:top-2 max-md:right-2"
                label={t.close}
              >
                <X className="size-[18px]" strokeWidth={1.75} />
              </IconButton>
            </Radix.Close>
          )}
          <Radix.Title className="pr-10 text-head">{title}</Radix.Title>
          {text !== undefined && (
            <Radix.Description className="mt-1 mb-4 text-ink-2">{text}</Radix.Description>
          )}
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
