/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { useActions } from "@/data/actions";
import { findConversation } from "@/data/conversations";
import { useInbox } from "@/inbox/InboxContext";
import { runCommand, useCommands } from "@/keys/commands";
import {
  leaveConversation,
  openNextConversation,
  openSettings,
  useOpenConversation,
  useSettingsPage,
} from "@/nav/navigation";
import { usePreference } from "@/notify/preferences";
import { mayWrite, useMe } from "@/session/useSession";

/** The second key of "g i" and "g s" comes within this time. */
const CHORD_MS = 1200;
const NOTHING = {};

function writing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** A menu or a dialog has the keys while it is open, not while it fades. */
function covered(): boolean {
  return document.querySelector(':is([role="dialog"],[role="menu"])[data-state="open"]') !== null;
}

/** Single keys outside of fields, as the shortcut sheet tells. */
export function useShortcuts(): void {
  const actions = useActions();
  const queries = useQueryClient();
  const me = useMe();
  const open = useOpenConversation();
  /* There is no list to walk in the settings. */
  const away = useSettingsPage() !== null;
  const { order, find, setFind } = useInbox();
  const on = usePreference("singleKeys");
  const chord = useRef(0);

  const closeAndGoOn = useCallback(
    async (id: string) => {
      const ids = order.current;
      const at = ids.indexOf(id);
      const next = ids[at + 1] ?? ids[at - 1];

      if ((await actions.close(id)) && next !== undefined && next !== id) {
        openNextConversation(next);
        focusRow(next);
      }
    },
    [actions, order],
  );

  useCommands(open === null ? NOTHING : { finish: () => void closeAndGoOn(open) });

  useEffect(() => {
    const walk = (step: 1 | -1) => {
      const ids = order.current;
      const focused = document.activeElement?.id.replace(/^row-/, "") ?? "";
      const from = ids.indexOf(ids.includes(focused) ? focused : (open ?? ""));
      const next = ids[from < 0 ? 0 : Math.min(ids.length - 1, Math.max(0, from + step))];

      if (next !== undefined) {
        focusRow(next);
      }
    };
    const run = (key: string): boolean => {
      if (away && key !== "g" && key !== "?") {
        return false;
      }
      switch (key) {
        case "j":
          walk(1);
          return true;
        case "k":
          walk(-1);
          return true;
        case "/":
          setFind(find ?? "");
          return true;
        case "?":
          return runCommand("help");
        case "g":
          chord.current = Date.now();
          return true;
        default:
          return open !== null && onConversation(key, open);
      }
    };
    const onConversation = (key: string, id: string): boolean => {
      switch (key) {
        case "r":
          return runCommand("reply");
        case "p":
          return runCommand("panel");
        case "a":
          return mayWrite(me) && runCommand("assign");
        case "i":
          if (mayWrite(me)) {
            void actions.assign(id, me.id);
          }
          return true;
        case "e":
          if (mayWrite(me)) {
            const closed = findConversation(queries, id)?.status === "closed";

            void (closed ? actions.reopen(id) : closeAndGoOn(id));
          }
          return true;
        case "Enter":
          return false;
        default:
          return false;
      }
    };
    const stepOut = (): boolean => {
      const at = document.activeElement;

      if (at?.id === "log" && open !== null) {
        focusRow(open);
        return true;
      }
      if (at?.id.startsWith("row-") && open !== null) {
        leaveConversation();
        return true;
      }
      return false;
    };
    const onKey = (ev: KeyboardEvent) => {
      if (ev.defaultPrevented || ev.isComposing || covered()) {
        return;
      }
      if (ev.key === "Escape" && !writing(ev.target)) {
        if (stepOut()) {
          ev.preventDefault();
        }
        return;
      }
      if (!on || ev.ctrlKey || ev.metaKey || ev.altKey || writing(ev.target)) {
        return;
      }
      if (Date.now() - chord.current < CHORD_MS) {
        chord.current = 0;
        if (ev.key === "i") {
          ev.preventDefault();
          leaveConversation();
        } else if (ev.key === "s") {
          ev.preventDefault();
          openSettings("");
        }
        return;
      }
      if (run(ev.key)) {
        ev.preventDefault();
      }
    };

    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [actions, away, closeAndGoOn, queries, me, open, order, find, setFind, on]);
}

/** Focuses a row; the list brings it into view first when it is not there. */
export function focusRow(id: string): void {
  const row = document.getElementById(`row-${id}`);

  if (row !== null) {
    row.focus();
    row.scrollIntoView({ block: "nearest" });
  } else {
    window.dispatchEvent(new CustomEvent("pytake:row", { detail: id }));
  }
}
