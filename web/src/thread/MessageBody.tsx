/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import {
  CircleAlert,
  CornerUpLeft,
  ExternalLink,
  File,
  Film,
  Image,
  LayoutTemplate,
  type LucideIcon,
  Mic,
  ShoppingBag,
  Sticker,
  User,
} from "lucide-react";
import { createContext, type ReactNode, useContext } from "react";
import { type Messages, useI18n } from "@/i18n";
import { formatPhone } from "@/i18n/format";
import { cn } from "@/lib/cn";
import { Avatar } from "@/ui/Avatar";
import type { ShownMessage } from "./items";
import { MapSketch } from "./MapSketch";
import {
  advertOf,
  contactsOf,
  locationOf,
  mediaOf,
  orderOf,
  originalType,
  replyOf,
} from "./payload";
import { Text } from "./Text";

interface BodyProps {
  message: ShownMessage;
  out: boolean;
  /** Time and tick, which stand at the lower right of what was said. */
  meta: ReactNode;
  /** Their colour. */
  tone: string;
}

const PICTURES = ["image", "video", "sticker", "location"];

/** Whether a message is drawn edge to edge in its bubble. */
export function isPicture(m: ShownMessage): boolean {
  return PICTURES.includes(m.message_type) && m.status !== "failed";
}

const Meta = createContext<{ meta: ReactNode; tone: string }>({ meta: null, tone: "" });

/** What was said, as a card that fits its kind.  Nothing of it is ever markup. */
export function MessageBody({ message: m, out, meta, tone }: BodyProps) {
  const { t } = useI18n();
  const advert = advertOf(m);

  return (
    <Meta value={{ meta, tone }}>
      {advert !== null && (
        <span
          className={cn(
            "mb-1 flex items-start gap-2.5 rounded-mark px-2 py-1",
            out ? "bg-quote-out" : "bg-quote-in",
            isPicture(m) && "m-1",
          )}
        >
          <Words icon={ExternalLink} title={advert.headline || t.adArrived} text={advert.body} />
        </span>
      )}
      <Kind message={m} out={out} t={t} />
    </Meta>
  );
}

/** Time and tick: after the last word if there is room, else under it. */
function Floating() {
  const { meta, tone } = useContext(Meta);

  return (
    <span
      className={cn("float-right mt-1 -mb-1 ml-3 inline-flex items-center gap-1 text-time", tone)}
    >
      {meta}
    </span>
  );
}

function Kind({ message: m, out, t }: { message: ShownMessage; out: boolean; t: Messages }) {
  const words = m.content === "" ? null : <Text>{m.content}</Text>;

  switch (m.message_type) {
    case "text":
      return (
        <>
          {words}
          <Floating />
        </>
      );
    case "image":
      return <Picture m={m} out={out} icon={Image} title={t.kindImage} />;
    case "video":
      return <Picture m={m} out={out} icon={Film} title={t.kindVideo} />;
    case "sticker":
      return <Picture m={m} out={out} icon={Sticker} title={t.kindSticker} />;
    case "audio":
      return <Part icon={Mic} frame="round" title={soundName(m, t)} text={later(m, t)} />;
    case "document":
      return <Document m={m} t={t} />;
    case "location":
      return <Place m={m} t={t} />;
    case "contacts":
      return <Contacts m={m} t={t} />;
    case "reaction":
      return <Part icon={null} title={m.content || t.kindReactionRemoved} text={t.kindReaction} />;
    case "button":
      return <Answer kind={t.kindButton} title={m.content} text="" />;
    case "interactive": {
      const reply = replyOf(m);

      return (
        <Answer
          kind={reply.list ? t.kindInteractive : t.kindButton}
          title={reply.title || m.content}
          text={reply.description}
        />
      );
    }
    case "order": {
      const order = orderOf(m);
      const note = order.note || m.content;

      return (
        <Part
          icon={ShoppingBag}
          title={t.kindOrder}
          text={t.kindOrderItems(order.items)}
          under={note === "" ? null : <Text>{note}</Text>}
        />
      );
    }
    case "template":
      return <Answer icon={LayoutTemplate} kind={t.kindTemplate} title={m.content} text="" />;
    case "unsupported": {
      const kind = originalType(m);

      return (
        <Unknown
          title={kind === "" || kind === "unsupported" ? t.kindUnsupported : t.kindUnknown(kind)}
          text={t.kindUnsupportedText}
          under={words}
        />
      );
    }
    default:
      return <Unknown title={t.kindUnknown(m.message_type)} text={t.kindKept} under={words} />;
  }
}

/** That a customer's file cannot be seen here yet. */
function later(m: ShownMessage, t: Messages): string {
  return m.sender_type === "contact" ? t.mediaLater : "";
}

function soundName(m: ShownMessage, t: Messages): string {
  return mediaOf(m).voice ? t.kindVoice : t.kindAudio;
}

function Words({ icon: Icon, title, text }: { icon?: LucideIcon; title: string; text: string }) {
  return (
    <>
      {Icon !== undefined && (
        <Icon aria-hidden="true" className="mt-0.5 size-4 shrink-0 text-ink-2" strokeWidth={1.75} />
      )}
      <span className="min-w-0">
        <span className="block font-medium [overflow-wrap:anywhere]">{title}</span>
        {text !== "" && (
          <span className="block text-ink-2 text-meta [overflow-wrap:anywhere]">{text}</span>
        )}
      </span>
    </>
  );
}

interface PartProps {
  icon: LucideIcon | null;
  frame?: "round" | "none";
  title: string;
  text: string;
  under?: ReactNode;
}

/** A sign, what it is, and a word more. */
function Part({ icon: Icon, frame, title, text, under }: PartProps) {
  return (
    <>
      <span className="flex items-center gap-2.5">
        {Icon !== null && (
          <span
            className={cn(
              "grid shrink-0 place-items-center text-ink-2",
              frame !== "none" && "size-8 bg-card",
              frame === "round" ? "rounded-full" : "rounded-control",
            )}
          >
            <Icon
              aria-hidden="true"
              className={frame === "none" ? "size-5" : "size-[18px]"}
              strokeWidth={1.75}
            />
          </span>
        )}
        <Words title={title} text={text} />
      </span>
      {under !== undefined && under !== null && <span className="block pt-1">{under}</span>}
      <Floating />
    </>
  );
}

/** The place of a picture that cannot be shown yet, with its words under it. */
function Picture(props: { m: ShownMessage; out: boolean; icon: LucideIcon; title: string }) {
  const { m, out, icon: Icon, title } = props;
  const { t } = useI18n();
  const { meta } = useContext(Meta);
  const open = isPicture(m);
  const small = m.message_type === "sticker";

  return (
    <>
      <span
        className={cn(
          "flex max-w-full flex-col items-center justify-center rounded-card px-3 text-center text-ink-2",
          small ? "h-[132px] w-[168px]" : "h-[132px] w-[240px]",
          out ? "bg-quote-out" : "bg-quote-in",
        )}
      >
        <Icon aria-hidden="true" className="mb-1 size-6" strokeWidth={1.5} />
        <span className="text-preview-strong">{title}</span>
        {!small && <span className="text-meta">{later(m, t)}</span>}
      </span>
      {m.content === "" && open ? (
        <span className="absolute right-3 bottom-3 inline-flex items-center gap-1 rounded-full bg-card px-1.5 text-ink-2 text-time">
          {meta}
        </span>
      ) : (
        <span
          className={cn(
            "flow-root",
            small ? "max-w-[168px]" : "max-w-[240px]",
            open && "px-2 py-1",
          )}
        >
          {m.content !== "" && <Text>{m.content}</Text>}
          <Floating />
        </span>
      )}
    </>
  );
}

function Document({ m, t }: { m: ShownMessage; t: Messages }) {
  const { mime, fileName } = mediaOf(m);
  const caption = m.content !== fileName ? m.content : "";

  return (
    <Part
      icon={File}
      frame="none"
      title={fileName || t.kindDocument}
      text={[kindOf(mime), later(m, t)].filter((x) => x !== "").join(" · ")}
      under={caption === "" ? null : <Text>{caption}</Text>}
    />
  );
}

/** "PDF" of "application/pdf"; longer names of formats say nothing to people. */
function kindOf(mime: string): string {
  const kind = mime.split(";")[0]?.split("/")[1] ?? "";

  return kind.length <= 5 ? kind.toUpperCase() : "";
}

function Place({ m, t }: { m: ShownMessage; t: Messages }) {
  const place = locationOf(m);

  return (
    <span className="block w-[232px] max-w-full">
      <MapSketch />
      <span className={cn("flow-root", isPicture(m) && "px-2 py-1")}>
        <Words title={place.name || m.content || t.kindLocation} text={place.address} />
        {place.map !== null && (
          <a
            href={place.map}
            target="_blank"
            rel="noreferrer noopener"
            className="mt-1 inline-flex items-center gap-1 text-accent-ink text-preview-strong hover:underline"
          >
            {t.openMap}
            <ExternalLink aria-hidden="true" className="size-3.5" strokeWidth={1.75} />
          </a>
        )}
        <Floating />
      </span>
    </span>
  );
}

function Contacts({ m, t }: { m: ShownMessage; t: Messages }) {
  const cards = contactsOf(m);

  if (cards.length === 0) {
    return <Part icon={User} title={m.content || t.kindContacts} text="" />;
  }
  return (
    <>
      <span className="flex flex-col gap-2">
        {cards.map((card) => (
          <span key={`${card.name} ${card.phones.join()}`} className="flex items-center gap-2.5">
            <Avatar id={card.name} name={card.name} size={32} />
            <Words
              title={card.name || t.kindContacts}
              text={card.phones.map(formatPhone).join(", ")}
            />
          </span>
        ))}
      </span>
      <Floating />
    </>
  );
}

interface AnswerProps {
  icon?: LucideIcon;
  kind: string;
  title: string;
  text: string;
}

/** Words that were not typed: a button or a line of a list that was chosen, a template. */
function Answer({ icon: Icon = CornerUpLeft, kind, title, text }: AnswerProps) {
  const { tone } = useContext(Meta);

  return (
    <>
      <span className={cn("flex items-center gap-1 text-meta", tone)}>
        <Icon aria-hidden="true" className="size-3" strokeWidth={2} />
        {kind}
      </span>
      <Text>{title || kind}</Text>
      {text !== "" && <span className="block text-ink-2 text-preview">{text}</span>}
      <Floating />
    </>
  );
}

function Unknown({ title, text, under }: { title: string; text: string; under: ReactNode }) {
  return (
    <>
      <span className="flex items-start gap-2 text-ink-2">
        <CircleAlert aria-hidden="true" className="mt-0.5 size-4 shrink-0" strokeWidth={1.75} />
        <span className="min-w-0 [overflow-wrap:anywhere]">
          {title}
          <span className="block text-meta">{text}</span>
        </span>
      </span>
      {under !== null && <span className="block pt-1">{under}</span>}
      <Floating />
    </>
  );
}
