/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useState } from "react";
import { useI18n } from "@/i18n";
import { useCommands } from "@/keys/commands";
import { useEnterSends } from "@/notify/preferences";
import { mayWrite, useMe } from "@/session/useSession";
import { Dialog } from "@/ui/Dialog";
import { Kbd } from "@/ui/Kbd";

/** What the keys do; opened by "?". */
export function ShortcutSheet() {
  const { t } = useI18n();
  const me = useMe();
  const [open, setOpen] = useState(false);
  const enterSends = useEnterSends();
  const write = mayWrite(me);

  useCommands({ help: () => setOpen(true) });

  return (
    <Dialog open={open} onOpenChange={setOpen} title={t.keysTitle} wide>
      <div className="mt-3 columns-2 gap-8 pb-1 max-md:columns-1">
        <Part
          title={t.keysList}
          rows={[
            [t.keysMove, ["J", "K"]],
            [t.keysOpen, ["Enter"]],
            [t.keysFind, ["/"]],
            [t.keysInbox, ["G", "I"]],
            [t.keysSettings, ["G", "S"]],
            [t.keysHelp, ["?"]],
            [t.keysEscape, ["Esc"]],
          ]}
        />
        {write && (
          <Part
            title={t.keysWrite}
            rows={[
              [t.keysSend, enterSends ? ["Enter"] : ["Ctrl", "Enter"]],
              [t.keysBreak, enterSends ? ["Shift", "Enter"] : ["Enter"]],
              [t.keysQuickReply, ["/"]],
              [t.keysSendClose, enterSends ? ["Ctrl", "Enter"] : ["Ctrl", "Shift", "Enter"]],
            ]}
          />
        )}
        <Part
          title={t.keysThread}
          rows={[
            ...(write
              ? ([
                  [t.keysReply, ["R"]],
                  [t.keysAssign, ["A"]],
                  [t.keysAssignMe, ["I"]],
                  [t.keysClose, ["E"]],
                ] as [string, string[]][])
              : []),
            [t.keysPanel, ["P"]],
            [t.keysMessage, ["Enter"]],
            [t.keysMessages, ["↑", "↓"]],
          ]}
        />
      </div>
    </Dialog>
  );
}

function Part({ title, rows }: { title: string; rows: [string, string[]][] }) {
  return (
    <section className="mb-4 break-inside-avoid last:mb-0">
      <h3 className="mb-1 text-ink-3 text-meta-strong">{title}</h3>
      <dl>
        {rows.map(([what, keys]) => (
          <div key={what} className="flex min-h-7 items-center gap-2">
            <dt className="min-w-0 flex-1">{what}</dt>
            <dd className="flex gap-1">
              {keys.map((key) => (
                <span key={key}>
                  <span className="sr-only">{key}</span>
                  <Kbd className="max-md:inline-grid">{key}</Kbd>
                </span>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
