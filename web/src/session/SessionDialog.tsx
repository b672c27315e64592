/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { Pencil } from "lucide-react";
import type { User } from "@/api/types";
import { useI18n } from "@/i18n";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { SignInForm } from "./SignInForm";
import { signOut } from "./session";

interface SessionDialogProps {
  user: User;
  /** What was being written, and to whom. */
  draft: { name: string; text: string } | null;
}

const SHOWN_MAX = 120;

/** The session ended: the screen and what was typed stay where they are. */
export function SessionDialog({ user, draft }: SessionDialogProps) {
  const { t } = useI18n();

  return (
    <Dialog open firm title={t.sessionEndedTitle} text={t.sessionEndedText}>
      {draft !== null && draft.text.trim() !== "" && (
        <p className="mb-4 flex items-start gap-2 rounded-control bg-well px-3 py-2 text-preview text-ink-2">
          <Pencil aria-hidden="true" className="mt-0.5 size-4 shrink-0 text-ink-3" />
          <span className="min-w-0 break-words">
            {t.draftKept(
              draft.name,
              draft.text.length > SHOWN_MAX ? `${draft.text.slice(0, SHOWN_MAX)}…` : draft.text,
            )}
          </span>
        </p>
      )}
      <SignInForm email={user.email} label={t.signInAgain} />
      <div className="mt-2 flex justify-center">
        <Button kind="ghost" onClick={() => void signOut()}>
          {t.otherAccount}
        </Button>
      </div>
    </Dialog>
  );
}
