/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { ChevronDown, SendHorizontal, X } from "lucide-react";
import {
  type KeyboardEvent,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import type { Conversation } from "@/api/types";
import { useActions } from "@/data/actions";
import { getDraft, setDraft } from "@/data/drafts";
import { enqueue, TEXT_MAX } from "@/data/outbox";
import { useI18n } from "@/i18n";
import { useCommands } from "@/keys/commands";
import { cn } from "@/lib/cn";
import { usePhone } from "@/lib/media";
import { usePreference } from "@/notify/preferences";
import { useRealtime } from "@/realtime/RealtimeProvider";
import { useMe } from "@/session/useSession";
import type { ShownMessage } from "@/thread/items";
import { Button, IconButton } from "@/ui/Button";
import { Kbd } from "@/ui/Kbd";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/ui/Menu";

interface ReplyBoxProps {
  conversation: Conversation;
  quote: ShownMessage | null;
  quoteName: string;
  onQuoteEnd: () => void;
}

const COUNTER_FROM = 3500;
const COUNTER_LATE = 4000;
const DRAFT_MS = 300;
/** Nobody types for this long without a key. */
const TYPING_IDLE_MS = 4000;

export function ReplyBox({ conversation: c, quote, quoteName, onQuoteEnd }: ReplyBoxProps) {
  const { t, fmt } = useI18n();
  const phone = usePhone();
  const actions = useActions();
  const { client } = useRealtime();
  const enterSends = usePreference("enterSends");
  const [text, setText] = useState(() => getDraft(c.id));
  const box = useRef<HTMLTextAreaElement>(null);
  const latest = useRef(text);
  const kept = useRef(text);
  const idle = useRef<ReturnType<typeof setTimeout> | null>(null);
  const length = [...text].length;
  const empty = text.trim() === "";
  const tooLong = length > TEXT_MAX;

  latest.current = text;

  /* The box is as high as its text, up to 40 % of the window. */
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const el = box.current;

    if (el !== null) {
      el.style.height = "0";
      el.style.height = `${el.scrollHeight}px`;
    }
  }, [text]);

  /* Only what was typed here: another tab may have a draft of its own. */
  const keep = useCallback(() => {
    if (kept.current !== latest.current) {
      kept.current = latest.current;
      setDraft(c.id, latest.current);
    }
  }, [c.id]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: kept a moment after the last key
  useEffect(() => {
    const timer = setTimeout(keep, DRAFT_MS);

    return () => clearTimeout(timer);
  }, [keep, text]);

  useEffect(() => {
    window.addEventListener("pagehide", keep);
    return () => {
      window.removeEventListener("pagehide", keep);
      keep();
      client?.typingStop(c.id);
    };
  }, [c.id, client, keep]);

  useCommands({ reply: () => box.current?.focus() });

  const stopTyping = () => {
    if (idle.current !== null) {
      clearTimeout(idle.current);
      idle.current = null;
    }
    client?.typingStop(c.id);
  };
  const onText = (value: string) => {
    setText(value);
    if (value.trim() === "") {
      stopTyping();
      return;
    }
    client?.typing(c.id);
    if (idle.current !== null) {
      clearTimeout(idle.current);
    }
    idle.current = setTimeout(stopTyping, TYPING_IDLE_MS);
  };
  const send = (close: boolean) => {
    if (empty || tooLong) {
      return;
    }
    enqueue(c.id, text.trim(), quote?.id ?? null);
    setText("");
    kept.current = "";
    setDraft(c.id, "");
    stopTyping();
    onQuoteEnd();
    if (close) {
      void actions.close(c.id);
    } else {
      box.current?.focus();
    }
  };
  const onKeyDown = (ev: KeyboardEvent) => {
    if (ev.nativeEvent.isComposing) {
      return;
    }
    if (ev.key === "Escape") {
      ev.preventDefault();
      if (quote !== null) {
        onQuoteEnd();
      } else {
        document.getElementById("log")?.focus();
      }
    } else if (ev.key === "Enter") {
      const command = ev.ctrlKey || ev.metaKey;

      if (command || (enterSends && !ev.shiftKey && !phone)) {
        ev.preventDefault();
        send(command && ev.shiftKey);
      }
    }
  };

  return (
    <div>
      {c.assigned_to === null && !empty && <AssignNudge conversation={c} />}
      <div className="rounded-card border border-control bg-card focus-within:border-accent focus-within:ring-1 focus-within:ring-accent">
        {quote !== null && (
          <div className="mx-2 mt-2 flex items-center gap-2 rounded-mark border-accent border-l-3 bg-well py-1 pr-1 pl-2">
            <div className="min-w-0 flex-1">
              <p className="text-accent-ink text-meta-strong">{quoteName}</p>
              <p className="truncate text-ink-2 text-preview">{quote.content}</p>
            </div>
            <IconButton size="sm" label={t.removeQuote} onClick={onQuoteEnd}>
              <X className="size-4" />
            </IconButton>
          </div>
        )}
        <textarea
          ref={box}
          id="composer"
          rows={1}
          value={text}
          aria-label={t.message}
          aria-invalid={tooLong}
          placeholder={t.placeholder}
          onChange={(ev) => onText(ev.target.value)}
          onKeyDown={onKeyDown}
          onBlur={stopTyping}
          className="block max-h-[40dvh] min-h-12 w-full resize-none overflow-y-auto bg-transparent px-3.5 pt-3 pb-1 text-body outline-none max-md:text-[16px]"
        />
        <div className="flex h-11 items-center gap-2 pr-1.5 pb-1 pl-3.5">
          <span className="flex min-w-0 flex-1 items-center gap-1.5 truncate text-ink-3 text-meta max-md:invisible">
            {enterSends ? (
              <>
                <Kbd>Enter</Kbd> {t.hintEnter}
              </>
            ) : (
              <>
                <Kbd>Ctrl</Kbd>
                <Kbd>Enter</Kbd> {t.hintEnter}
              </>
            )}
          </span>
          {length >= COUNTER_FROM && (
            <span
              role="status"
              className={cn(
                "text-meta tabular-nums",
                tooLong ? "text-fail" : length >= COUNTER_LATE ? "text-late" : "text-ink-3",
              )}
            >
              {tooLong
                ? t.tooLong(fmt.number(TEXT_MAX))
                : t.counter(fmt.number(length), fmt.number(TEXT_MAX))}
            </span>
          )}
          <SendButton disabled={empty || tooLong} onSend={send} />
        </div>
      </div>
    </div>
  );
}

function SendButton(props: { disabled: boolean; onSend: (close: boolean) => void }) {
  const { disabled, onSend } = props;
  const { t } = useI18n();

  return (
    <span className="flex">
      <Button
        kind="primary"
        disabled={disabled}
        onClick={() => onSend(false)}
        className="rounded-r-none max-md:h-11"
      >
        <SendHorizontal aria-hidden="true" className="size-4 md:hidden" />
        {t.send}
      </Button>
      <Menu>
        <MenuTrigger asChild>
          <Button
            kind="primary"
            disabled={disabled}
            aria-label={t.moreWaysToSend}
            className="rounded-l-none border-l-on-accent/40 px-1.5 max-md:h-11 max-md:px-3"
          >
            <ChevronDown aria-hidden="true" className="size-4" />
          </Button>
        </MenuTrigger>
        <MenuContent align="end">
          <MenuItem keys="Ctrl ⇧ Enter" onSelect={() => onSend(true)}>
            {t.sendAndClose}
          </MenuItem>
        </MenuContent>
      </Menu>
    </span>
  );
}

/** Whoever answers a conversation of nobody's may take it by one click. */
function AssignNudge({ conversation: c }: { conversation: Conversation }) {
  const { t } = useI18n();
  const me = useMe();
  const actions = useActions();
  const [hidden, setHidden] = useState(false);

  if (hidden) {
    return null;
  }

  return (
    <div className="mb-2 flex items-center gap-2 rounded-control bg-accent-soft py-1 pr-1 pl-3 text-accent-ink text-preview">
      <span className="min-w-0 flex-1">{t.assignNudge}</span>
      <Button
        kind="ghost"
        size="sm"
        className="text-accent-ink max-md:h-11"
        onClick={() => void actions.assign(c.id, me.id)}
      >
        {t.assignToMe}
      </Button>
      <IconButton
        size="sm"
        label={t.close}
        className="text-accent-ink"
        onClick={() => setHidden(true)}
      >
        <X className="size-4" />
      </IconButton>
    </div>
  );
}
