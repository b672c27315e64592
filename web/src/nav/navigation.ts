/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { usePathname } from "next/navigation";

/*
 * The framework's navigation behind one file.  Between conversations the
 * address changes without a request: Next.js follows pushState.
 */

const INBOX = /^\/inbox(?:\/([^/]+))?\/?$/;

/** The conversation in the address, or null. */
export function useOpenConversation(): string | null {
  return INBOX.exec(usePathname())?.[1] ?? null;
}

export type SettingsPage = "tags" | "quick-replies";

const SETTINGS = /^\/settings(?:\/(tags|quick-replies))?\/?$/;

/** The settings' page in the address: "" is the settings without one, null elsewhere. */
export function useSettingsPage(): SettingsPage | "" | null {
  const found = SETTINGS.exec(usePathname());

  return found === null ? null : ((found[1] ?? "") as SettingsPage | "");
}

export function settingsPath(page: SettingsPage | ""): string {
  return page === "" ? "/settings" : `/settings/${page}`;
}

export function openSettings(page: SettingsPage | ""): void {
  if (location.pathname !== settingsPath(page)) {
    history.pushState(null, "", settingsPath(page));
  }
}

/** Where there is room for a page beside the menu, the first one is shown. */
export function settleSettings(page: SettingsPage): void {
  history.replaceState(null, "", settingsPath(page));
}

/** Whether the address is one that the inbox knows. */
export function useKnownAddress(): boolean {
  const path = usePathname();

  return path === "/" || INBOX.test(path) || SETTINGS.test(path);
}

export function conversationPath(id: string): string {
  return `/inbox/${id}`;
}

/** The conversation that closing another one opened and nobody acted in yet. */
let unasked: string | null = null;

export function openConversation(id: string): void {
  unasked = null;
  show(id);
}

/** Opens the conversation after one that was closed: nobody chose it. */
export function openNextConversation(id: string): void {
  unasked = id;
  show(id);
}

export function cameByClosing(id: string): boolean {
  return unasked === id;
}

/** Somebody acted in it: it counts as opened like any other. */
export function settleOpened(id: string): void {
  if (unasked === id) {
    unasked = null;
  }
}

function show(id: string): void {
  if (location.pathname !== conversationPath(id)) {
    history.pushState(null, "", conversationPath(id));
  }
}

/** Leaves the thread: the list is the pane before it. */
export function leaveConversation(): void {
  if (location.pathname !== "/inbox") {
    history.pushState(null, "", "/inbox");
  }
}

/** The bare address is the inbox's, without a step in the history. */
export function settleAddress(): void {
  if (location.pathname === "/") {
    history.replaceState(null, "", "/inbox");
  }
}
