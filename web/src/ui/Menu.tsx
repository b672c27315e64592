/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { Check } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";
import { cn } from "@/lib/cn";
import { keepElsewhere } from "./focus";
import { Kbd } from "./Kbd";

/* Not modal: what is around it stays for readers, and the page may scroll. */
export function Menu(props: ComponentProps<typeof DropdownMenu.Root>) {
  return <DropdownMenu.Root modal={false} {...props} />;
}
export const MenuTrigger = DropdownMenu.Trigger;
export const MenuRadioGroup = DropdownMenu.RadioGroup;

/** Drawn inside the page's main part, so that it belongs to a landmark. */
export function MenuContent({ className, ...rest }: ComponentProps<typeof DropdownMenu.Content>) {
  return (
    <DropdownMenu.Portal container={document.querySelector("main")}>
      <DropdownMenu.Content
        sideOffset={6}
        collisionPadding={8}
        onCloseAutoFocus={keepElsewhere}
        className={cn(
          "z-20 max-h-(--radix-dropdown-menu-content-available-height) w-[248px] animate-pane overflow-y-auto rounded-card border border-line-strong bg-card p-1 text-ink shadow-float",
          className,
        )}
        {...rest}
      />
    </DropdownMenu.Portal>
  );
}

const item =
  "flex min-h-8 w-full cursor-default select-none items-center gap-2.5 rounded-control px-2 py-1 text-body outline-none data-highlighted:bg-hover data-disabled:opacity-60 max-md:min-h-11";

interface MenuItemProps extends ComponentProps<typeof DropdownMenu.Item> {
  icon?: ReactNode;
  keys?: string;
}

export function MenuItem({ icon, keys, children, className, ...rest }: MenuItemProps) {
  return (
    <DropdownMenu.Item className={cn(item, className)} {...rest}>
      {icon !== undefined && <span className="text-ink-3 [&_svg]:size-[18px]">{icon}</span>}
      <span className="min-w-0 truncate">{children}</span>
      {keys !== undefined && <Kbd className="ml-auto">{keys}</Kbd>}
    </DropdownMenu.Item>
  );
}

export function MenuRadioItem({
  children,
  className,
  ...rest
}: ComponentProps<typeof DropdownMenu.RadioItem>) {
  return (
    <DropdownMenu.RadioItem className={cn(item, className)} {...rest}>
      {children}
      <DropdownMenu.ItemIndicator className="ml-auto text-accent-ink">
        <Check className="size-4" />
      </DropdownMenu.ItemIndicator>
    </DropdownMenu.RadioItem>
  );
}

export function MenuCheckItem({
  children,
  className,
  ...rest
}: ComponentProps<typeof DropdownMenu.CheckboxItem>) {
  return (
    <DropdownMenu.CheckboxItem className={cn(item, className)} {...rest}>
      {children}
      <DropdownMenu.ItemIndicator className="ml-auto text-accent-ink">
        <Check className="size-4" />
      </DropdownMenu.ItemIndicator>
    </DropdownMenu.CheckboxItem>
  );
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return (
    <DropdownMenu.Label className="px-2 pt-2 pb-1 text-ink-3 text-meta">
      {children}
    </DropdownMenu.Label>
  );
}

export function MenuLine() {
  return <DropdownMenu.Separator className="-mx-1 my-1 h-px bg-line" />;
}
