/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { CircleAlert, TriangleAlert, X } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { useI18n } from "@/i18n";
import { useSettingsTexts } from "@/i18n/settings";
import { usePhone } from "@/lib/media";
import { Button, IconButton } from "@/ui/Button";
import type { useNounForm } from "./useNounForm";

type Form = Pick<
  ReturnType<typeof useNounForm>,
  | "ref"
  | "submit"
  | "faults"
  | "refusal"
  | "saving"
  | "gone"
  | "made"
  | "dirty"
  | "takeNewest"
  | "keepMine"
> & { stale: string[] | null };

interface FormPanelProps {
  title: string;
  form: Form;
  /** A field's name as its label has it. */
  label: (field: string) => string;
  onClose: () => void;
  onDirty: (dirty: boolean) => void;
  children: ReactNode;
}

/** A form at the side of its list; on a phone in its place. */
export function FormPanel({ title, form, label, onClose, onDirty, children }: FormPanelProps) {
  const { t } = useI18n();
  const s = useSettingsTexts();
  const faults = Object.keys(form.faults).length;
  const box = useRef<HTMLElement>(null);
  /* Alone on the screen, its title is the page's. */
  const Title = usePhone() ? "h1" : "h2";

  useEffect(() => onDirty(form.dirty));

  useEffect(() => {
    box.current?.querySelector<HTMLElement>("input, textarea")?.focus();
  }, []);

  return (
    <aside
      ref={box}
      aria-label={title}
      onKeyDown={(ev) => {
        if (ev.key === "Escape" && !ev.defaultPrevented) {
          ev.preventDefault();
          onClose();
        }
      }}
      className="flex w-[392px] shrink-0 animate-fade flex-col border-line border-l bg-page max-xl:absolute max-xl:inset-y-0 max-xl:right-0 max-xl:z-10 max-xl:shadow-float max-md:static max-md:w-full max-md:border-0 max-md:shadow-none"
    >
      <form
        ref={form.ref}
        noValidate
        onSubmit={(ev) => void form.submit(ev)}
        className="flex min-h-0 flex-1 flex-col"
      >
        <header className="flex items-center gap-2 px-6 pt-5 pb-2 max-md:min-h-14 max-md:px-4 max-md:py-0">
          <Title className="min-w-0 flex-1 text-head">{title}</Title>
          <IconButton className="-mr-2" label={t.close} onClick={onClose}>
            <X className="size-[18px]" strokeWidth={1.75} />
          </IconButton>
        </header>
        <div className="flex min-h-0 flex-1 flex-col gap-4 overflow-y-auto px-6 pt-2 pb-5 max-md:px-4">
          <Meanwhile form={form} label={label} />
          {children}
        </div>
        <div role="alert" className="empty:hidden">
          {form.refusal !== null && (
            <p className="mx-6 mb-2 flex items-start gap-2 rounded-control bg-fail-soft px-3 py-2 text-fail text-preview max-md:mx-4">
              <CircleAlert aria-hidden="true" className="mt-0.5 size-4 shrink-0" />
              {s[form.refusal]}
            </p>
          )}
        </div>
        <footer className="flex items-center gap-2 border-line border-t px-6 py-4 max-md:px-4 max-md:py-2.5 max-md:*:h-11">
          <span role="status" className="flex min-w-0 flex-1 items-center text-ink-3 text-meta">
            {faults > 0 ? s.faults(faults) : ""}
          </span>
          <Button kind="ghost" onClick={onClose}>
            {t.cancel}
          </Button>
          <Button kind="primary" type="submit" aria-disabled={form.saving}>
            {form.saving ? s.saving : form.made ? s.create : s.save}
          </Button>
        </footer>
      </form>
    </aside>
  );
}

/** Somebody else was here: what they changed, and what may be done about it. */
function Meanwhile({ form, label }: { form: Form; label: (field: string) => string }) {
  const s = useSettingsTexts();

  return (
    <div role="alert" className="empty:hidden">
      {(form.gone || form.stale !== null) && (
        <div
          data-stale
          tabIndex={-1}
          className="rounded-control border border-line-strong bg-late-soft p-3 text-late outline-offset-2"
        >
          <p className="flex items-start gap-2 text-preview-strong">
            <TriangleAlert
              aria-hidden="true"
              className="mt-0.5 size-4 shrink-0"
              strokeWidth={1.75}
            />
            {form.gone ? s.goneTitle : s.staleTitle}
          </p>
          <p className="mt-1 pl-6 text-preview">
            {form.gone
              ? s.goneText
              : (form.stale ?? []).length > 0
                ? s.staleWhat((form.stale ?? []).map(label).join(", "))
                : ""}
          </p>
          {!form.gone && (
            <div className="mt-2 flex flex-wrap gap-2 pl-6 max-md:*:h-11">
              <Button size="sm" onClick={form.takeNewest}>
                {s.staleNewest}
              </Button>
              <Button kind="banner" size="sm" onClick={form.keepMine}>
                {s.staleMine}
              </Button>
            </div>
          )}
        </div>
      )}
    </div>
  );
}
