/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "@/api/http";
import { deleteNoun, type NounKind, type Nouns, tellNoun } from "@/data/nouns";
import { useI18n } from "@/i18n";
import { useSettingsTexts } from "@/i18n/settings";
import { SignedOut } from "@/session/session";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { toast } from "@/ui/Toast";

interface RemoveProps<K extends NounKind> {
  kind: K;
  row: Nouns[K];
  title: string;
  text: string;
  done: string;
  onClose: () => void;
  onRemoved: () => void;
}

/** Asks before something goes for everybody: there is no way back. */
export function RemoveDialog<K extends NounKind>(props: RemoveProps<K>) {
  const { kind, row, title, text, done, onClose, onRemoved } = props;
  const { t } = useI18n();
  const s = useSettingsTexts();
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const remove = async () => {
    setBusy(true);
    try {
      await deleteNoun(kind, row.id);
      tellNoun(client, kind, "deleted", row);
      toast({ text: done });
      onRemoved();
    } catch (err) {
      if (!(err instanceof SignedOut)) {
        const forbidden = err instanceof ApiError && err.status === 403;

        toast({ text: forbidden ? t.actionForbidden : t.actionFailed, failed: true });
      }
    }
    onClose();
  };

  return (
    <Dialog open onOpenChange={onClose} title={title} text={text}>
      <div className="flex justify-end gap-2 max-md:*:h-11">
        <Button onClick={onClose}>{t.cancel}</Button>
        <Button kind="destructive" disabled={busy} onClick={() => void remove()}>
          {s.remove}
        </Button>
      </div>
    </Dialog>
  );
}

/** Asks before a form with something in it is left. */
export function DiscardDialog(props: { onStay: () => void; onDiscard: () => void }) {
  const s = useSettingsTexts();

  return (
    <Dialog open onOpenChange={props.onStay} title={s.discardTitle} text={s.discardText}>
      <div className="flex justify-end gap-2 max-md:*:h-11">
        <Button onClick={props.onDiscard}>{s.discard}</Button>
        <Button kind="primary" onClick={props.onStay}>
          {s.goOn}
        </Button>
      </div>
    </Dialog>
  );
}
