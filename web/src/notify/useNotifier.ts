/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useCallback } from "react";
import type { ConversationBrief, Message } from "@/api/types";
import { useMe } from "@/session/useSession";
import { preference } from "./preferences";
import { playSound } from "./sound";

/** Sounds when a customer wrote to me or to nobody, and nobody here looks at it. */
export function useNotifier(): (message: Message, conversation: ConversationBrief) => void {
  const me = useMe();

  return useCallback(
    (_message, conversation) => {
      const concerns = conversation.assigned_to === null || conversation.assigned_to === me.id;
      const looking =
        document.visibilityState === "visible" &&
        document.hasFocus() &&
        location.pathname.endsWith(conversation.id);

      if (concerns && !looking && preference("sound")) {
        playSound();
      }
    },
    [me.id],
  );
}
