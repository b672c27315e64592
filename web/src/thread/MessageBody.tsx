/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import {
  CircleHelp,
  ExternalLink,
  File,
  FileText,
  Film,
  Image,
  List,
  type LucideIcon,
  MapPin,
  Mic,
  Phone,
  ShoppingBag,
  Sticker,
  User,
} from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { type Messages, useI18n } from "@/i18n";
import { cn } from "@/lib/cn";
import type { ShownMessage } from "./items";
import {
  advertOf,
  contactsOf,
  locationOf,
  mediaOf,
  orderOf,
  originalType,
  replyOf,
} from "./payload";

/** What was said, as a card that fits its kind.  Nothing of it is ever markup. */
export function MessageBody({ message: m }: { message: ShownMessage }) {
  const { t } = useI18n();
  const advert = advertOf(m);

  return (
    <>
      {advert !== null && (
        <Part icon={ExternalLink} title={advert.headline || t.adArrived} text={advert.body} />
      )}
      <Kind message={m} t={t} />
    </>
  );
}

function Kind({ message: m, t }: { message: ShownMessage; t: Messages }) {
  switch (m.message_type) {
    case "text":
      return <Text>{m.content}</Text>;
    case "image":
      return <Media m={m} icon={Image} title={t.kindImage} />;
    case "video":
      return <Media m={m} icon={Film} title={t.kindVideo} />;
    case "audio":
      return <Media m={m} icon={Mic} title={mediaOf(m).voice ? t.kindVoice : t.kindAudio} />;
    case "sticker":
      return <Media m={m} icon={Sticker} title={t.kindSticker} />;
    case "document":
      return <Media m={m} icon={FileText} title={mediaOf(m).fileName || t.kindDocument} />;
    case "location":
      return <Location m={m} t={t} />;
    case "contacts":
      return <Contacts m={m} t={t} />;
    case "reaction":
      return <Part icon={null} title={m.content || t.kindReactionRemoved} text={t.kindReaction} />;
    case "button":
      return <Part icon={List} title={m.content || t.kindButton} text={t.kindButton} />;
    case "interactive": {
      const reply = replyOf(m);

      return (
        <Part
          icon={List}
          title={reply.title || m.content || t.kindInteractive}
          text={reply.description || t.kindInteractive}
        />
      );
    }
    case "order": {
      const order = orderOf(m);

      return (
        <>
          <Part icon={ShoppingBag} title={t.kindOrder} text={t.kindOrderItems(order.items)} />
          {(order.note || m.content) !== "" && <Text>{order.note || m.content}</Text>}
        </>
      );
    }
    case "template":
      return (
        <>
          <Part icon={File} title={t.kindTemplate} text="" />
          {m.content !== "" && <Text>{m.content}</Text>}
        </>
      );
    case "unsupported":
      return (
        <>
          <Part
            icon={CircleHelp}
            title={
              originalType(m) === "" || originalType(m) === "unsupported"
                ? t.kindUnsupported
                : t.kindUnknown(originalType(m))
            }
            text={t.kindUnsupportedText}
          />
          {m.content !== "" && <Text>{m.content}</Text>}
        </>
      );
    default:
      return (
        <>
          <Part icon={CircleHelp} title={t.kindUnknown(m.message_type)} text="" />
          {m.content !== "" && <Text>{m.content}</Text>}
        </>
      );
  }
}

interface PartProps {
  icon: LucideIcon | null;
  title: string;
  text: string;
  children?: ReactNode;
}

function Part({ icon: Icon, title, text, children }: PartProps) {
  return (
    <span className="flex items-start gap-2.5 py-0.5">
      {Icon !== null && (
        <span className="grid size-8 shrink-0 place-items-center rounded-control bg-card text-ink-2">
          <Icon aria-hidden="true" className="size-[18px]" strokeWidth={1.75} />
        </span>
      )}
      <span className="min-w-0">
        <span className="block font-medium [overflow-wrap:anywhere]">{title}</span>
        {text !== "" && (
          <span className="block text-ink-2 text-preview [overflow-wrap:anywhere]">{text}</span>
        )}
        {children}
      </span>
    </span>
  );
}

function Media({ m, icon, title }: { m: ShownMessage; icon: LucideIcon; title: string }) {
  const { t } = useI18n();
  const { mime, fileName } = mediaOf(m);
  const caption = m.content !== fileName ? m.content : "";

  return (
    <>
      <span title={m.sender_type === "contact" ? t.mediaLater : undefined}>
        <Part icon={icon} title={title} text={m.message_type === "document" ? kindOf(mime) : ""} />
      </span>
      {caption !== "" && <Text>{caption}</Text>}
    </>
  );
}

/** "PDF" of "application/pdf"; longer names of formats say nothing to people. */
function kindOf(mime: string): string {
  const kind = mime.split(";")[0]?.split("/")[1] ?? "";

  return kind.length <= 5 ? kind.toUpperCase() : "";
}

function Location({ m, t }: { m: ShownMessage; t: Messages }) {
  const place = locationOf(m);

  return (
    <Part icon={MapPin} title={place.name || m.content || t.kindLocation} text={place.address}>
      {place.map !== null && (
        <a
          href={place.map}
          target="_blank"
          rel="noreferrer noopener"
          className="mt-0.5 inline-flex items-center gap-1 text-accent-ink text-preview-strong hover:underline"
        >
          {t.openMap}
          <ExternalLink aria-hidden="true" className="size-3.5" />
        </a>
      )}
    </Part>
  );
}

function Contacts({ m, t }: { m: ShownMessage; t: Messages }) {
  const cards = contactsOf(m);

  if (cards.length === 0) {
    return <Part icon={User} title={m.content || t.kindContacts} text="" />;
  }
  return cards.map((card) => (
    <Part
      key={`${card.name} ${card.phones.join()}`}
      icon={card.phones.length > 0 ? Phone : User}
      title={card.name || t.kindContacts}
      text={card.phones.join(", ")}
    />
  ));
}

const FOLD_PX = 400;

/** A text as it was typed; a very long one folds. */
function Text({ children }: { children: string }) {
  const { t } = useI18n();
  const box = useRef<HTMLSpanElement>(null);
  const [long, setLong] = useState(false);
  const [open, setOpen] = useState(false);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useEffect(() => {
    const el = box.current;

    if (el !== null) {
      setLong(el.scrollHeight > FOLD_PX + 40);
    }
  }, [children]);

  return (
    <>
      <span
        ref={box}
        className={cn(
          "whitespace-pre-wrap [overflow-wrap:anywhere]",
          long && !open && "block overflow-hidden",
        )}
        style={long && !open ? { maxHeight: FOLD_PX } : undefined}
      >
        {links(children)}
      </span>
      {long && (
        <button
          type="button"
          onClick={() => setOpen(!open)}
          className="mt-1 block text-accent-ink text-preview-strong hover:underline"
        >
          {open ? t.showLess : t.showAll}
        </button>
      )}
    </>
  );
}

const LINK = /\bhttps?:\/\/[^\s<>"'`]{1,500}[^\s<>"'`.,;:!?)\]}]/g;

/** Addresses of web pages become links; everything else stays a text. */
function links(text: string): ReactNode {
  const parts: ReactNode[] = [];
  let from = 0;

  for (const found of text.matchAll(LINK)) {
    parts.push(text.slice(from, found.index));
    parts.push(
      <a
        key={found.index}
        href={found[0]}
        target="_blank"
        rel="noreferrer noopener nofollow"
        className="text-accent-ink underline underline-offset-2"
      >
        {found[0]}
      </a>,
    );
    from = found.index + found[0].length;
  }
  parts.push(text.slice(from));

  return parts;
}
