/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { ChevronLeft, Ellipsis, Lock, type LucideIcon, Pencil, Plus, Trash2 } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { type NounKind, type Nouns, useNouns } from "@/data/nouns";
import { useI18n } from "@/i18n";
import { useSettingsTexts } from "@/i18n/settings";
import { useMinute } from "@/lib/clock";
import { cn } from "@/lib/cn";
import { usePhone } from "@/lib/media";
import { openSettings } from "@/nav/navigation";
import { mayKeep, useMe } from "@/session/useSession";
import { Button, IconButton } from "@/ui/Button";
import { Bone, Empty } from "@/ui/Empty";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/ui/Menu";
import { DiscardDialog, RemoveDialog } from "./dialogs";

/** What a form is handed by its page. */
export interface FormProps<T> {
  row: T | null;
  /** It is to be closed; the page asks before it loses something. */
  onClose: () => void;
  onSaved: (row: T, made: boolean) => void;
  onDirty: (dirty: boolean) => void;
}

interface NounPageProps<K extends NounKind> {
  kind: K;
  icon: LucideIcon;
  title: string;
  lead: string;
  newText: string;
  empty: { title: string; text: string; reader: string };
  nameOf: (row: Nouns[K]) => string;
  /** The rows that are looked for; null: nothing is looked for. */
  found: ((row: Nouns[K]) => boolean) | null;
  /** Above the table. */
  tools?: ReactNode;
  none?: ReactNode;
  heads: { text: string; wide?: boolean }[];
  /** The cells of a row before the time; `name` is what its first one shows. */
  cells: (row: Nouns[K], name: ReactNode) => ReactNode;
  form: (props: FormProps<Nouns[K]>) => ReactNode;
  removing: { title: (name: string) => string; text: string; done: (name: string) => string };
}

const HEAD = "px-3 pb-2 text-left font-medium text-ink-3 text-meta-strong whitespace-nowrap";

/** A list of one kind, and a form beside it for whoever looks after it. */
export function NounPage<K extends NounKind>(p: NounPageProps<K>) {
  const { t } = useI18n();
  const s = useSettingsTexts();
  const phone = usePhone();
  const keeper = mayKeep(useMe());
  const { data, isError, refetch } = useNouns(p.kind);
  const [editing, setEditing] = useState<{ row: Nouns[K] | null; key: number } | null>(null);
  const [removing, setRemoving] = useState<Nouns[K] | null>(null);
  const [asking, setAsking] = useState<(() => void) | null>(null);
  const dirty = useRef(false);
  const count = useRef(0);
  const back = useRef<string | null>(null);
  const rows = (data ?? [])
    .filter((row) => p.found?.(row) ?? true)
    .sort((a, b) => p.nameOf(a).localeCompare(p.nameOf(b)));

  const unlessDirty = (then: () => void) => {
    if (dirty.current) {
      setAsking(() => then);
    } else {
      then();
    }
  };
  const open = (row: Nouns[K] | null) =>
    unlessDirty(() => {
      dirty.current = false;
      back.current = row === null ? "new" : `edit-${row.id}`;
      setEditing({ row, key: ++count.current });
    });
  const shut = () => {
    dirty.current = false;
    setEditing(null);
  };

  /* Closed, the form gives the focus back to what opened it. */
  useEffect(() => {
    if (editing === null && back.current !== null) {
      (document.getElementById(back.current) ?? document.getElementById("new"))?.focus();
      back.current = null;
    }
  }, [editing]);

  return (
    <>
      <section
        aria-labelledby="page-title"
        className={cn(
          "relative flex min-w-0 flex-1 flex-col overflow-y-auto bg-card px-8 pt-6 max-md:bg-page max-md:px-4 max-md:pt-0",
          phone && editing !== null && "hidden",
        )}
      >
        <header className="mb-5 flex items-start gap-2 max-md:mb-3 max-md:min-h-14 max-md:items-center">
          {phone && (
            <IconButton className="-ml-3" label={t.back} onClick={() => openSettings("")}>
              <ChevronLeft className="size-5" strokeWidth={1.75} />
            </IconButton>
          )}
          <div className="min-w-0 flex-1">
            <h1 id="page-title" className="text-title">
              {p.title}
            </h1>
            <p className="text-ink-2 max-md:hidden">{p.lead}</p>
          </div>
          {keeper && (
            <Button
              id="new"
              aria-expanded={editing?.row === null}
              className="max-md:h-11"
              onClick={() => open(null)}
            >
              <Plus aria-hidden="true" className="size-4" strokeWidth={1.75} />
              {p.newText}
            </Button>
          )}
        </header>
        {!keeper && (
          <p className="mb-4 flex items-center gap-2 rounded-card bg-well px-3 py-2 text-ink-2 text-preview">
            <Lock aria-hidden="true" className="size-4 shrink-0 text-ink-3" strokeWidth={1.75} />
            {s.readOnly}
          </p>
        )}
        {data === undefined ? (
          isError ? (
            <Empty icon={p.icon} title={s.loadFailed} text={s.loadFailedText}>
              <Button onClick={() => void refetch()}>{t.retry}</Button>
            </Empty>
          ) : (
            <Bones />
          )
        ) : data.length === 0 ? (
          <Empty icon={p.icon} title={p.empty.title} text={keeper ? p.empty.text : p.empty.reader}>
            {keeper ? <Button onClick={() => open(null)}>{p.newText}</Button> : undefined}
          </Empty>
        ) : (
          <>
            {p.tools}
            {rows.length === 0 ? (
              p.none
            ) : (
              <table className="mb-6 w-full border-collapse">
                <thead className="border-line-strong border-b max-md:sr-only">
                  <tr>
                    {p.heads.map((head, i) => (
                      <th
                        key={head.text}
                        scope="col"
                        className={cn(HEAD, i === 0 && "pl-0", head.wide && "w-1/2")}
                      >
                        {head.text}
                      </th>
                    ))}
                    <th scope="col" className={cn(HEAD, "text-right", !keeper && "pr-0")}>
                      {s.changed}
                    </th>
                    {keeper && (
                      <th scope="col" className={cn(HEAD, "w-8 pr-0")}>
                        <span className="sr-only">{t.menu}</span>
                      </th>
                    )}
                  </tr>
                </thead>
                <tbody>
                  {rows.map((row) => (
                    <tr
                      key={row.id}
                      className={cn(
                        "h-[52px] border-line border-b *:px-3 *:py-1.5 *:first:pl-0 *:last:pr-0",
                        editing?.row?.id === row.id && "bg-accent-soft",
                      )}
                    >
                      {p.cells(
                        row,
                        <Name
                          id={row.id}
                          text={p.nameOf(row)}
                          onOpen={keeper ? () => open(row) : null}
                        />,
                      )}
                      <td className="w-24 text-right text-ink-3 text-meta max-md:hidden">
                        <Changed at={row.updated_at} />
                      </td>
                      {keeper && (
                        <td className="w-8 text-right">
                          <RowMenu
                            name={p.nameOf(row)}
                            onEdit={() => open(row)}
                            onRemove={() => setRemoving(row)}
                          />
                        </td>
                      )}
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </>
        )}
      </section>
      {editing !== null && (
        <div key={editing.key} className="contents">
          {p.form({
            row: editing.row,
            onClose: () => unlessDirty(shut),
            onSaved: (row, made) => {
              back.current = made ? "new" : `edit-${row.id}`;
              shut();
            },
            onDirty: (on) => {
              dirty.current = on;
            },
          })}
        </div>
      )}
      {asking !== null && (
        <DiscardDialog
          onStay={() => setAsking(null)}
          onDiscard={() => {
            dirty.current = false;
            setAsking(null);
            asking();
          }}
        />
      )}
      {removing !== null && (
        <RemoveDialog
          kind={p.kind}
          row={removing}
          title={p.removing.title(p.nameOf(removing))}
          text={p.removing.text}
          done={p.removing.done(p.nameOf(removing))}
          onClose={() => setRemoving(null)}
          onRemoved={() => {
            if (editing?.row?.id === removing.id) {
              shut();
            }
          }}
        />
      )}
    </>
  );
}

function Name({ id, text, onOpen }: { id: string; text: string; onOpen: (() => void) | null }) {
  return onOpen === null ? (
    <span className="min-w-0 truncate font-medium">{text}</span>
  ) : (
    <button
      type="button"
      id={`edit-${id}`}
      className="min-w-0 truncate font-medium hover:underline max-md:min-h-11"
      onClick={onOpen}
    >
      {text}
    </button>
  );
}

function Changed({ at }: { at: string }) {
  const { fmt } = useI18n();
  const now = useMinute();

  return <time dateTime={at}>{fmt.row(new Date(at), new Date(now))}</time>;
}

function RowMenu(props: { name: string; onEdit: () => void; onRemove: () => void }) {
  const s = useSettingsTexts();

  return (
    <Menu>
      <MenuTrigger asChild>
        <IconButton size="sm" className="max-md:size-11" label={s.actionsOf(props.name)}>
          <Ellipsis className="size-4" />
        </IconButton>
      </MenuTrigger>
      <MenuContent align="end" className="w-40">
        <MenuItem icon={<Pencil strokeWidth={1.75} />} onSelect={props.onEdit}>
          {s.edit}
        </MenuItem>
        <MenuItem icon={<Trash2 strokeWidth={1.75} />} onSelect={props.onRemove}>
          {s.remove}
        </MenuItem>
      </MenuContent>
    </Menu>
  );
}

function Bones() {
  const { t } = useI18n();

  return (
    <div role="status" className="after-wait">
      <span className="sr-only">{t.loading}</span>
      {["w-32", "w-44", "w-24", "w-36"].map((width) => (
        <div key={width} className="flex h-[52px] items-center gap-6 border-line border-b">
          <Bone className={cn("h-3", width)} />
          <Bone className="h-3 flex-1" />
        </div>
      ))}
    </div>
  );
}
