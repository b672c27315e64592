/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { ChevronDown, Send, X, Zap } from "lucide-react";
import {
  type ComponentProps,
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
import { runCommand, useCommands } from "@/keys/commands";
import { cn } from "@/lib/cn";
import { usePhone } from "@/lib/media";
import { useEnterSends } from "@/notify/preferences";
import { useRealtime } from "@/realtime/RealtimeProvider";
import { useMe } from "@/session/useSession";
import type { ShownMessage } from "@/thread/items";
import { Button, IconButton } from "@/ui/Button";
import { Kbd } from "@/ui/Kbd";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/ui/Menu";
import { Tip } from "@/ui/Tip";
import { QuickReplyMenu } from "./QuickReplyMenu";
import { useQuickReplies } from "./useQuickReplies";

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
  /* Enter alone sends; Ctrl+Enter then closes, too. */
  const plain = useEnterSends();
  const [text, setText] = useState(() => getDraft(c.id));
  const box = useRef<HTMLTextAreaElement>(null);
  const latest = useRef(text);
  const kept = useRef(text);
  const measured = useRef<string | null>(null);
  const idle = useRef<ReturnType<typeof setTimeout> | null>(null);
  const length = [...text].length;
  const empty = text.trim() === "";
  const tooLong = length > TEXT_MAX;

  latest.current = text;

  /* The box is as high as its text, up to 40 % of the window. */
  useLayoutEffect(() => {
    const el = box.current;

    if (el !== null && measured.current !== text) {
      measured.current = text;
      el.style.height = "0";
      el.style.height = `${el.scrollHeight}px`;
    }
  }, [text]);

  /* Only what was typed here: another tab may have a draft of its own. */
  const keep = useCallback(
    (typed: string) => {
      if (kept.current !== typed) {
        kept.current = typed;
        setDraft(c.id, typed);
      }
    },
    [c.id],
  );

  useEffect(() => {
    const timer = setTimeout(() => keep(text), DRAFT_MS);

    return () => clearTimeout(timer);
  }, [keep, text]);

  useEffect(() => {
    const leave = () => keep(latest.current);

    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
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
  const quick = useQuickReplies({ conversation: c.id, text, latest, onText, box });
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
    if (!close) {
      box.current?.focus();
    } else if (!runCommand("finish")) {
      void actions.close(c.id);
    }
  };
  const onKeyDown = (ev: KeyboardEvent) => {
    if (ev.nativeEvent.isComposing || quick.onKeyDown(ev)) {
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

      if (command || (plain && !ev.shiftKey)) {
        ev.preventDefault();
        send(command && (plain || ev.shiftKey));
      }
    }
  };

  const counter =
    length < COUNTER_FROM ? null : (
      <span
        role="status"
        className={cn(
          "text-meta tabular-nums",
          tooLong
            ? "text-fail"
            : length >= COUNTER_LATE
              ? "text-late text-meta-strong"
              : "text-ink-3",
        )}
      >
        {tooLong
          ? t.tooLong(fmt.number(TEXT_MAX))
          : t.counter(fmt.number(length), fmt.number(TEXT_MAX))}
      </span>
    );

  return (
    <div>
      {c.assigned_to === null && !empty && !quick.open && <AssignNudge conversation={c} />}
      <QuickReplyMenu quick={quick} />
      <div className="md:rounded-card md:border md:border-control md:bg-card md:focus-within:border-accent md:focus-within:ring-1 md:focus-within:ring-accent">
        {quote !== null && (
          <div className="m-2 mb-0 flex items-center gap-2 rounded-mark border-accent border-l-3 bg-well py-1 pr-1 pl-2 max-md:mx-0 max-md:mt-0 max-md:mb-2">
            <p className="flex min-w-0 flex-1 gap-1 text-ink-2 text-preview">
              <span className="shrink-0 text-accent-ink text-preview-strong">{quoteName}</span>
              <span className="truncate">{quote.content}</span>
            </p>
            <IconButton
              size="sm"
              className="max-md:size-11"
              label={t.removeQuote}
              onClick={onQuoteEnd}
            >
              <X className="size-4" />
            </IconButton>
          </div>
        )}
        <div className="max-md:flex max-md:items-end max-md:gap-1">
          {phone && <QuickReplyButton quick={quick} />}
          <textarea
            ref={box}
            id="composer"
            rows={1}
            value={text}
            aria-label={t.message}
            aria-invalid={tooLong}
            placeholder={phone ? t.placeholderShort : t.placeholder}
            {...quick.roles}
            onChange={(ev) => quick.onType(ev.target.value)}
            onKeyDown={onKeyDown}
            onBlur={() => {
              stopTyping();
              quick.leave();
            }}
            className={PHONE_BOX}
          />
          {phone ? (
            <button
              type="button"
              aria-label={t.send}
              disabled={empty || tooLong}
              onClick={() => send(false)}
              className="grid size-11 shrink-0 place-items-center rounded-full bg-accent text-on-accent transition-fast enabled:active:bg-accent-pressed disabled:bg-well disabled:text-ink-3"
            >
              <Send aria-hidden="true" className="size-5" strokeWidth={1.75} />
            </button>
          ) : (
            <div className="flex items-center gap-2.5 pr-1.5 pb-1.5 pl-1.5">
              <Tip text={t.quickReply} keys="/" side="top">
                <QuickReplyButton quick={quick} />
              </Tip>
              <span className="flex min-w-0 flex-1 items-center gap-1 truncate text-ink-3 text-meta">
                {!plain && <Kbd>Ctrl</Kbd>}
                <Kbd>Enter</Kbd>
                <span className="ml-0.5">{t.hintEnter}</span>
              </span>
              {counter}
              <SendButton disabled={empty || tooLong} plain={plain} onSend={send} />
            </div>
          )}
        </div>
        {phone && counter !== null && <div className="pt-1 text-right">{counter}</div>}
      </div>
    </div>
  );
}

/* The pointer does not take the focus out of the box. */
function QuickReplyButton({
  quick,
  ...rest
}: { quick: ReturnType<typeof useQuickReplies> } & ComponentProps<"button">) {
  const { t } = useI18n();

  return (
    <IconButton
      {...rest}
      label={t.quickReply}
      on={quick.open}
      onPointerDown={(ev) => ev.preventDefault()}
      onMouseDown={(ev) => ev.preventDefault()}
      onClick={quick.toggle}
    >
      <Zap className="size-[18px] max-md:size-5" strokeWidth={1.75} />
    </IconButton>
  );
}

/* On a phone the box itself is the pill; on a desk it lies in one with the tools. */
const BOX =
  "block max-h-[40dvh] min-h-12 w-full resize-none overflow-y-auto bg-transparent px-3.5 py-2 text-body outline-none";
const PHONE_BOX = cn(
  BOX,
  "max-md:min-h-11 max-md:min-w-0 max-md:flex-1 max-md:rounded-pill max-md:border max-md:border-control max-md:bg-card max-md:py-[11px] max-md:text-[16px] max-md:leading-5 max-md:focus:border-accent max-md:focus:ring-1 max-md:focus:ring-accent",
);

function SendButton(props: {
  disabled: boolean;
  plain: boolean;
  onSend: (close: boolean) => void;
}) {
  const { disabled, plain, onSend } = props;
  const { t } = useI18n();

  return (
    <span className="flex">
      <Button
        kind="primary"
        disabled={disabled}
        onClick={() => onSend(false)}
        className="rounded-r-none border-r-0"
      >
        {t.send}
      </Button>
      <Menu>
        <MenuTrigger asChild>
          <Button
            kind="primary"
            disabled={disabled}
            aria-label={t.moreWaysToSend}
            className="relative w-7 rounded-l-none border-l-0 px-0 before:absolute before:inset-y-1.5 before:left-0 before:w-px before:bg-current before:opacity-35"
          >
            <ChevronDown aria-hidden="true" className="size-4" />
          </Button>
        </MenuTrigger>
        <MenuContent align="end">
          <MenuItem keys={plain ? "Ctrl Enter" : "Ctrl ⇧ Enter"} onSelect={() => onSend(true)}>
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
    <div className="mb-2 flex items-center gap-2 rounded-card border border-line-strong bg-card py-1 pr-1.5 pl-3 text-ink-2 text-preview">
      <span className="min-w-0 flex-1">{t.assignNudge}</span>
      <Button size="sm" className="max-md:h-11" onClick={() => void actions.assign(c.id, me.id)}>
        {t.assignToMe}
        <Kbd>I</Kbd>
      </Button>
      <IconButton
        size="sm"
        className="max-md:size-11"
        label={t.close}
        onClick={() => setHidden(true)}
      >
        <X className="size-4" />
      </IconButton>
    </div>
  );
}
