/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { ApiError } from "@/api/http";
import type { Conversation } from "@/api/types";
import { useI18n } from "@/i18n";
import { newId } from "@/lib/ids";
import { api, SignedOut } from "@/session/session";
import { useMe } from "@/session/useSession";
import { toast } from "@/ui/Toast";
import { findConversation, patchConversation, putConversation } from "./conversations";
import { useColleagues } from "./directory";

/*
 * What is done to a conversation.  The screen changes at once; the server's
 * answer confirms it, or takes it back with a word that says why.
 */

export interface Actions {
  assign: (id: string, user: string | null, quiet?: boolean) => Promise<boolean>;
  close: (id: string) => Promise<boolean>;
  reopen: (id: string, quiet?: boolean) => Promise<boolean>;
  read: (id: string) => Promise<void>;
}

export function useActions(): Actions {
  const client = useQueryClient();
  const { t } = useI18n();
  const me = useMe();
  const people = useColleagues();

  const act = useCallback(
    async (id: string, verb: string, body: unknown, guess: Partial<Conversation>) => {
      const had = patchConversation(client, id, guess, me.id);

      try {
        const now = await api<Conversation>(`/conversations/${id}/${verb}`, {
          method: "POST",
          headers: { "Idempotency-Key": newId() },
          body,
        });

        putConversation(client, now, me.id);
        return true;
      } catch (err) {
        if (had !== undefined) {
          const back = Object.fromEntries(
            Object.keys(guess).map((key) => [key, had[key as keyof Conversation]]),
          );

          patchConversation(client, id, back, me.id);
        }
        if (!(err instanceof SignedOut)) {
          const forbidden = err instanceof ApiError && err.status === 403;

          toast({ text: forbidden ? t.actionForbidden : t.actionFailed, failed: true });
        }
        return false;
      }
    },
    [client, me.id, t],
  );

  return useMemo<Actions>(() => {
    const assign: Actions["assign"] = async (id, user, quiet) => {
      const before = findConversation(client, id)?.assigned_to ?? null;
      const done = await act(id, "assign", { user_id: user }, { assigned_to: user });

      if (done && !quiet) {
        const name = people.find((p) => p.id === user)?.name ?? "";

        toast({
          text:
            user === null
              ? t.doneUnassigned
              : user === me.id
                ? t.doneAssignedMe
                : t.doneAssigned(name),
          undo: () => void assign(id, before, true),
        });
      }
      return done;
    };
    const reopen: Actions["reopen"] = async (id, quiet) => {
      const done = await act(id, "reopen", {}, { status: "active" });

      if (done && !quiet) {
        toast({ text: t.doneReopened, undo: () => void close(id) });
      }
      return done;
    };
    const close: Actions["close"] = async (id) => {
      const done = await act(id, "close", {}, { status: "closed" });

      if (done) {
        toast({ text: t.doneClosed, undo: () => void reopen(id, true) });
      }
      return done;
    };
    const read: Actions["read"] = async (id) => {
      patchConversation(client, id, { unread_count: 0 }, me.id);
      try {
        await api(`/conversations/${id}/read`, { method: "POST", body: {} });
      } catch {
        /* The next look at it says it again. */
      }
    };

    return { assign, close, reopen, read };
  }, [act, client, me.id, people, t]);
}
