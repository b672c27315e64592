/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { ReactNode } from "react";
import { useMe } from "@/session/useSession";
import { Avatar } from "@/ui/Avatar";
import type { ThreadView } from "./Block";
import type { Item } from "./items";

interface GroupProps {
  item: Extract<Item, { kind: "group" }>;
  view: ThreadView;
  children: ReactNode;
}

/** Consecutive messages of one sender: one face, and one name if it is a colleague's. */
export function Group({ item, view, children }: GroupProps) {
  const me = useMe();
  const first = item.messages[0];

  if (!item.out) {
    return (
      <div className="grid grid-cols-[28px_minmax(0,1fr)] items-end gap-x-2">
        <Avatar id={view.contact.id} name={view.contact.name} size={28} />
        <div className="flex min-w-0 flex-col items-start gap-0.5">{children}</div>
      </div>
    );
  }

  const name = first === undefined || first.sender_id === me.id ? "" : view.nameOf(first);

  return (
    <div className="flex min-w-0 flex-col items-end gap-0.5">
      {name !== "" && <p className="px-1 pb-0.5 text-ink-2 text-meta-strong">{name}</p>}
      {children}
    </div>
  );
}
