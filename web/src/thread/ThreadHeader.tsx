/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import {
  Check,
  ChevronDown,
  ChevronLeft,
  Eye,
  Lock,
  PanelRight,
  RotateCcw,
  User as UserIcon,
  UserPlus,
} from "lucide-react";
import type { Conversation } from "@/api/types";
import { useActions } from "@/data/actions";
import { useColleague, useColleagues, useNumbers } from "@/data/directory";
import { useI18n } from "@/i18n";
import { CLOCK_LATE_MS, contactName, WINDOW_MS, windowLeft } from "@/inbox/preview";
import { useMinute } from "@/lib/clock";
import { cn } from "@/lib/cn";
import { usePhone } from "@/lib/media";
import { leaveConversation } from "@/nav/navigation";
import { useViewers } from "@/realtime/people";
import { mayWrite, useMe } from "@/session/useSession";
import { Avatar } from "@/ui/Avatar";
import { Button, IconButton } from "@/ui/Button";
import { Kbd } from "@/ui/Kbd";
import {
  Menu,
  MenuContent,
  MenuItem,
  MenuLabel,
  MenuLine,
  MenuRadioGroup,
  MenuRadioItem,
  MenuTrigger,
} from "@/ui/Menu";
import { Ring } from "@/ui/Ring";
import { Tip } from "@/ui/Tip";

interface HeaderProps {
  conversation: Conversation;
  panel: boolean;
  onPanel: () => void;
  assigning: boolean;
  onAssigning: (open: boolean) => void;
}

export function ThreadHeader(props: HeaderProps) {
  const { conversation: c, panel, onPanel, assigning, onAssigning } = props;
  const { t } = useI18n();
  const me = useMe();
  const actions = useActions();
  const closed = c.status === "closed";

  return (
    <header className="@container flex h-14 shrink-0 items-center gap-2 border-line border-b bg-card px-4 max-md:gap-0 max-md:pr-1 max-md:pl-1">
      <IconButton className="md:hidden" size="touch" label={t.back} onClick={leaveConversation}>
        <ChevronLeft className="size-5" strokeWidth={1.75} />
      </IconButton>
      <Identity c={c} />
      <Viewers conversation={c.id} />
      {mayWrite(me) && (
        <>
          <AssignMenu c={c} open={assigning} onOpen={onAssigning} />
          <Button
            size="sm"
            aria-keyshortcuts="e"
            className="max-md:size-11 max-md:border-transparent max-md:p-0"
            onClick={() => void (closed ? actions.reopen(c.id) : actions.close(c.id))}
          >
            {closed ? (
              <RotateCcw aria-hidden="true" className="size-4 max-md:size-5" strokeWidth={1.75} />
            ) : (
              <Check aria-hidden="true" className="size-4 max-md:size-5" strokeWidth={1.75} />
            )}
            <span className="max-md:sr-only">{closed ? t.reopen : t.close}</span>
            <Kbd className="@max-lg:hidden">E</Kbd>
          </Button>
        </>
      )}
      <Tip text={t.contactPanel} keys="p">
        <IconButton label={t.contactPanel} aria-keyshortcuts="p" on={panel} onClick={onPanel}>
          <PanelRight className="size-[18px] max-md:size-5" strokeWidth={1.75} />
        </IconButton>
      </Tip>
    </header>
  );
}

function Identity({ c }: { c: Conversation }) {
  /* With one pane on the screen, this is its title. */
  const Name = usePhone() ? "h1" : "h2";
  const { t, fmt } = useI18n();
  const now = useMinute();
  const numbers = useNumbers();
  const number =
    numbers.length > 1 ? numbers.find((n) => n.id === c.whatsapp_config_id) : undefined;
  const left = windowLeft(c.window_expires_at, now);

  return (
    <div className="flex min-w-0 flex-1 items-center gap-2.5">
      <Avatar id={c.contact.id} name={c.contact.name} size={32} />
      <div className="min-w-0">
        <Name className="truncate text-section">{contactName(c, t)}</Name>
        <div className="flex h-4 items-center gap-2 text-meta text-ink-3">
          {c.status === "closed" && (
            <span className="rounded-mark border border-line-strong px-1 text-micro text-ink-2">
              {t.closedConversation}
            </span>
          )}
          {number !== undefined && (
            <span className="truncate rounded-mark border border-line px-1 text-ink-3 text-time leading-[14px]">
              {number.name}
            </span>
          )}
          {c.status !== "closed" && (left === null || left <= 0) && (
            <span className="flex shrink-0 items-center gap-1 text-late text-micro">
              <Lock aria-hidden="true" className="size-3" strokeWidth={2} />
              {left === null ? t.windowNever : t.windowIsClosed}
            </span>
          )}
          {left !== null && left > 0 && (
            <span
              title={t.windowLeft(fmt.left(left))}
              className={cn(
                "flex shrink-0 items-center gap-1 text-micro tabular-nums",
                left < CLOCK_LATE_MS && "text-late",
              )}
            >
              <Ring share={left / WINDOW_MS} className="size-3" />
              <span className="sr-only">{t.windowLeft(fmt.left(left))}</span>
              <span aria-hidden="true">{fmt.left(left)}</span>
            </span>
          )}
        </div>
      </div>
    </div>
  );
}

function Viewers({ conversation }: { conversation: string }) {
  const { t } = useI18n();
  const viewers = useViewers(conversation);
  const people = useColleagues();

  if (viewers.length === 0) {
    return null;
  }

  const names = viewers.map((id) => people.find((p) => p.id === id)?.name ?? "");
  const text = viewers.length === 1 ? t.viewing(names[0] ?? "") : t.viewingMany(viewers.length);

  return (
    <div
      title={text}
      className="mr-1 flex h-6 items-center gap-1.5 border-line border-r pr-2 text-ink-3 max-md:border-0"
    >
      <Eye aria-hidden="true" className="size-3.5 max-md:hidden" strokeWidth={1.75} />
      <span className="sr-only">{text}</span>
      {viewers.slice(0, 3).map((id, i) => (
        <Avatar key={id} id={id} name={names[i] ?? ""} size={24} />
      ))}
    </div>
  );
}

interface AssignProps {
  c: Conversation;
  open: boolean;
  onOpen: (open: boolean) => void;
}

function AssignMenu({ c, open, onOpen }: AssignProps) {
  const { t } = useI18n();
  const me = useMe();
  const actions = useActions();
  const people = useColleagues();
  const owner = useColleague(c.assigned_to);
  const others = people.filter((p) => p.active && p.role !== "viewer" && p.id !== me.id);
  const label =
    c.assigned_to === null ? t.assign : c.assigned_to === me.id ? t.you : (owner?.name ?? "");

  return (
    <Menu open={open} onOpenChange={onOpen}>
      <Tip text={t.assign} keys="a">
        <MenuTrigger asChild>
          <Button
            kind="ghost"
            size="sm"
            aria-keyshortcuts="a"
            className="max-md:size-11 max-md:p-0"
            aria-label={
              c.assigned_to === null
                ? t.assign
                : t.assignee(c.assigned_to === me.id ? t.youLower : label)
            }
          >
            {c.assigned_to === null ? (
              <UserPlus aria-hidden="true" className="size-4 max-md:size-5" strokeWidth={1.75} />
            ) : (
              <Avatar id={c.assigned_to} name={owner?.name ?? me.name} size={20} />
            )}
            <span className="max-w-28 truncate max-md:hidden @max-lg:hidden">
              {label.split(" ")[0]}
            </span>
            <ChevronDown aria-hidden="true" className="size-3.5 max-md:hidden" />
          </Button>
        </MenuTrigger>
      </Tip>
      <MenuContent align="end">
        {c.assigned_to !== me.id && (
          <MenuItem icon={<UserIcon />} keys="I" onSelect={() => void actions.assign(c.id, me.id)}>
            {t.assignToMe}
          </MenuItem>
        )}
        {c.assigned_to !== null && (
          <MenuItem icon={<UserPlus />} onSelect={() => void actions.assign(c.id, null)}>
            {t.unassign}
          </MenuItem>
        )}
        {others.length > 0 && (
          <>
            <MenuLine />
            <MenuLabel>{t.assignTo}</MenuLabel>
            <MenuRadioGroup
              value={c.assigned_to ?? ""}
              onValueChange={(user) => {
                if (user !== c.assigned_to) {
                  void actions.assign(c.id, user);
                }
              }}
            >
              {others.map((p) => (
                <MenuRadioItem key={p.id} value={p.id} textValue={p.name}>
                  <Avatar id={p.id} name={p.name} size={20} />
                  <span className="min-w-0 truncate">{p.name}</span>
                </MenuRadioItem>
              ))}
            </MenuRadioGroup>
          </>
        )}
      </MenuContent>
    </Menu>
  );
}
