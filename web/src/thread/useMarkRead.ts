/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useEffect, useState } from "react";
import type { Conversation } from "@/api/types";
import { cameByClosing, settleOpened } from "@/nav/navigation";

/** A conversation that nobody chose is read once it was looked at for this long. */
export const LOOK_MS = 3000;

/** Keys that do something to the conversation wherever the focus is. */
const TO_IT = /^[aeipr]$/;

/** Whether the page is in front of somebody. */
function useLooking(): boolean {
  const [looking, setLooking] = useState(true);

  useEffect(() => {
    const look = () => setLooking(document.visibilityState === "visible" && document.hasFocus());

    look();
    document.addEventListener("visibilitychange", look);
    window.addEventListener("focus", look);
    window.addEventListener("blur", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      window.removeEventListener("focus", look);
      window.removeEventListener("blur", look);
    };
  }, []);

  return looking;
}

/**
 * Whether somebody means to be in this conversation: they opened it, or, where
 * closing another one led here, did something in it or looked at it for a while.
 */
function useMeant(id: string, seen: boolean): boolean {
  const [meant, setMeant] = useState(() => !cameByClosing(id));

  useEffect(() => {
    if (meant) {
      return;
    }

    const settle = () => {
      settleOpened(id);
      setMeant(true);
    };
    const act = (ev: Event) => {
      const pane = document.getElementById("log")?.closest("section");
      const inside = ev.target instanceof Node && pane?.contains(ev.target) === true;
      const key = ev instanceof KeyboardEvent && !ev.repeat && TO_IT.test(ev.key);

      if (inside || key) {
        settle();
      }
    };
    const acts = ["keydown", "pointerdown", "wheel", "touchmove", "focusin"] as const;
    const timer = seen ? setTimeout(settle, LOOK_MS) : null;

    for (const name of acts) {
      window.addEventListener(name, act, { passive: true });
    }
    return () => {
      for (const name of acts) {
        window.removeEventListener(name, act);
      }
      if (timer !== null) {
        clearTimeout(timer);
      }
    };
  }, [meant, id, seen]);

  return meant;
}

/** Says that the conversation was read, once it is really looked at. */
export function useMarkRead(
  c: Pick<Conversation, "id" | "unread_count">,
  shown: boolean,
  read: (id: string) => Promise<void>,
): void {
  const looking = useLooking();
  const meant = useMeant(c.id, shown && looking);

  useEffect(() => {
    if (shown && looking && meant && c.unread_count > 0) {
      void read(c.id);
    }
  }, [shown, looking, meant, c.unread_count, c.id, read]);
}
