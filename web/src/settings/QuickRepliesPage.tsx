/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { Search, Zap } from "lucide-react";
import { useState } from "react";
import { useSettingsTexts } from "@/i18n/settings";
import { folded } from "@/inbox/preview";
import { Button } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import { NounPage } from "./NounPage";
import { QuickReplyForm } from "./QuickReplyForm";

export function QuickRepliesPage() {
  const s = useSettingsTexts();
  const [find, setFind] = useState("");
  const wanted = folded(find.trim().replace(/^\//, ""));

  return (
    <NounPage
      kind="quick-replies"
      icon={Zap}
      title={s.replies}
      lead={s.repliesLead}
      newText={s.newReply}
      empty={{ title: s.noRepliesTitle, text: s.noRepliesText, reader: s.noRepliesReader }}
      nameOf={(reply) => reply.shortcut}
      found={wanted === "" ? null : (reply) => folded(reply.shortcut).includes(wanted)}
      tools={
        <label className="mb-4 flex h-8 w-60 shrink-0 items-center gap-2 rounded-control border border-control bg-card px-2.5 focus-within:border-accent focus-within:ring-1 focus-within:ring-accent max-md:h-11 max-md:w-full">
          <Search aria-hidden="true" className="size-4 shrink-0 text-ink-3" strokeWidth={1.75} />
          <input
            type="search"
            aria-label={s.findReply}
            placeholder={s.findReply}
            value={find}
            onChange={(ev) => setFind(ev.target.value)}
            onKeyDown={(ev) => {
              if (ev.key === "Escape") {
                setFind("");
              }
            }}
            className="min-w-0 flex-1 bg-transparent text-preview outline-none max-md:text-[16px]"
          />
        </label>
      }
      none={
        <Empty icon={Search} title={s.noneFound(find.trim())} text={s.noneFoundText}>
          <Button onClick={() => setFind("")}>{s.showAll}</Button>
        </Empty>
      }
      heads={[{ text: s.shortcut }, { text: s.content, wide: true }, { text: s.buttons }]}
      cells={(reply, name) => (
        <>
          <td className="max-md:max-w-0 md:w-40 md:min-w-32 md:max-w-40">
            <span className="flex items-baseline">
              <span aria-hidden="true" className="text-ink-3">
                /
              </span>
              {name}
            </span>
            <span className="line-clamp-2 text-ink-2 text-preview md:hidden">{reply.content}</span>
          </td>
          <td className="max-w-0 text-ink-2 max-md:hidden">
            <span className="line-clamp-2 whitespace-pre-line">{reply.content}</span>
          </td>
          <td className="w-24 whitespace-nowrap text-ink-3 text-meta max-md:hidden">
            {reply.buttons.length > 0 && s.buttonCount(reply.buttons.length)}
          </td>
        </>
      )}
      form={(props) => <QuickReplyForm {...props} />}
      removing={{ title: s.removeReply, text: s.removeReplyText, done: s.replyRemoved }}
    />
  );
}
