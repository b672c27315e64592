/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import {
  CircleAlert,
  File,
  Film,
  Image,
  LayoutTemplate,
  List,
  type LucideIcon,
  MapPin,
  Mic,
  ShoppingBag,
  Sticker,
  User,
} from "lucide-react";
import type { Messages } from "@/i18n";

const KINDS: Record<string, { icon: LucideIcon; text: keyof Messages }> = {
  image: { icon: Image, text: "kindImage" },
  video: { icon: Film, text: "kindVideo" },
  audio: { icon: Mic, text: "kindAudio" },
  sticker: { icon: Sticker, text: "kindSticker" },
  document: { icon: File, text: "kindDocument" },
  location: { icon: MapPin, text: "kindLocation" },
  contacts: { icon: User, text: "kindContacts" },
  button: { icon: List, text: "kindButton" },
  interactive: { icon: List, text: "kindInteractive" },
  order: { icon: ShoppingBag, text: "kindOrder" },
  template: { icon: LayoutTemplate, text: "kindTemplate" },
  reaction: { icon: List, text: "kindReaction" },
  unsupported: { icon: CircleAlert, text: "kindUnsupported" },
};

/** What a list says of a message: its words, or, where it has none, its kind. */
export function gist(last: string, t: Messages): { icon: LucideIcon | null; text: string } {
  const kind = KINDS[/^\[(\w+)\]$/.exec(last)?.[1] ?? ""];

  return kind === undefined
    ? { icon: null, text: last }
    : { icon: kind.icon, text: t[kind.text] as string };
}
