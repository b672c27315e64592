/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { Plus, TriangleAlert, X } from "lucide-react";
import { useRef } from "react";
import type { QuickReply } from "@/api/types";
import { type SettingsTexts, useSettingsTexts } from "@/i18n/settings";
import { newId } from "@/lib/ids";
import { useMe } from "@/session/useSession";
import { Button, IconButton } from "@/ui/Button";
import { Field, TextArea } from "@/ui/Field";
import { toast } from "@/ui/Toast";
import { FormPanel } from "./FormPanel";
import { faultText } from "./faultText";
import type { FormProps } from "./NounPage";
import { useNounForm } from "./useNounForm";
import { inserted, parts, VARIABLES, type Variable } from "./variables";

const SHORTCUT_MAX = 50;
const CONTENT_MAX = 4096;
const BUTTONS_MAX = 3;
const TITLE_MAX = 20;

/* What the form does not show (files, teams) a change leaves as it is. */
type Values = Pick<QuickReply, "shortcut" | "content" | "buttons">;

function valuesOf(reply: QuickReply | null): Values {
  return {
    shortcut: reply?.shortcut ?? "",
    content: reply?.content ?? "",
    buttons: reply?.buttons ?? [],
  };
}

export function QuickReplyForm({ row, onClose, onSaved, onDirty }: FormProps<QuickReply>) {
  const s = useSettingsTexts();
  const labels: Record<string, string> = {
    shortcut: s.shortcut,
    content: s.content,
    buttons: s.buttons,
  };
  const form = useNounForm<"quick-replies", Values>({
    kind: "quick-replies",
    row,
    valuesOf,
    required: ["shortcut", "content"],
    shows: (field) => field in labels || /^buttons\[\d\]\.title$/.test(field),
    onSaved: (reply, made) => {
      toast({ text: made ? s.replyMade(reply.shortcut) : s.replySaved(reply.shortcut) });
      onSaved(reply, made);
    },
  });
  const { values, faults, set } = form;

  return (
    <FormPanel
      title={row === null ? s.newReply : s.editReply}
      form={form}
      label={(field) => (labels[field] ?? field).toLowerCase()}
      onClose={onClose}
      onDirty={onDirty}
    >
      <Field
        label={s.shortcut}
        className="h-8"
        maxLength={SHORTCUT_MAX}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        value={values.shortcut}
        help={s.shortcutHelp}
        fault={faultText(faults.shortcut, s, s.faultShortcutTaken)}
        onChange={(ev) => set({ shortcut: ev.target.value.replace(/^\//, "") })}
      />
      <Content
        value={values.content}
        fault={faultText(faults.content, s, "")}
        onChange={(content) => set({ content })}
      />
      <Buttons value={values.buttons} faults={faults} onChange={(buttons) => set({ buttons })} />
      <Preview content={values.content} buttons={values.buttons} />
    </FormPanel>
  );
}

interface ContentProps {
  value: string;
  fault: string | undefined;
  onChange: (content: string) => void;
}

function Content({ value, fault, onChange }: ContentProps) {
  const s = useSettingsTexts();
  const box = useRef<HTMLTextAreaElement>(null);
  const insert = (variable: Variable) => {
    const el = box.current;

    if (el === null) {
      return;
    }

    const next = inserted(value, variable, el.selectionStart, el.selectionEnd);

    onChange(next.content);
    requestAnimationFrame(() => {
      el.focus();
      el.setSelectionRange(next.at, next.at);
    });
  };

  return (
    <div className="flex flex-col gap-2">
      <TextArea
        ref={box}
        label={s.content}
        rows={5}
        maxLength={CONTENT_MAX}
        value={value}
        fault={fault}
        onChange={(ev) => onChange(ev.target.value)}
      />
      <fieldset className="flex flex-wrap items-center gap-1.5">
        <legend className="sr-only">{s.variables}</legend>
        <span aria-hidden="true" className="text-ink-3 text-meta">
          {s.variables}
        </span>
        {VARIABLES.map((variable) => (
          <button
            key={variable}
            type="button"
            title={`{{${variable}}}`}
            onClick={() => insert(variable)}
            className="h-6 rounded-mark bg-accent-soft px-2 text-accent-ink text-meta-strong transition-fast hover:bg-hover max-md:h-11 max-md:px-3"
          >
            {variableName(variable, s)}
          </button>
        ))}
      </fieldset>
    </div>
  );
}

function variableName(variable: Variable, s: SettingsTexts): string {
  return {
    "contact.name": s.var_contact_name,
    "contact.phone": s.var_contact_phone,
    "agent.name": s.var_agent_name,
    "company.name": s.var_company_name,
  }[variable];
}

interface ButtonsProps {
  value: QuickReply["buttons"];
  faults: Record<string, string>;
  onChange: (buttons: QuickReply["buttons"]) => void;
}

function Buttons({ value, faults, onChange }: ButtonsProps) {
  const s = useSettingsTexts();

  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="text-preview-strong">
        {s.buttons} <span className="font-normal text-ink-3">({s.optional})</span>
      </legend>
      <p className="text-ink-3 text-meta">{s.buttonsHelp}</p>
      {value.map((button, i) => (
        <div key={button.id} className="flex items-end gap-1">
          <div className="min-w-0 flex-1">
            <Field
              label={s.button(i + 1)}
              className="h-8"
              maxLength={TITLE_MAX}
              autoComplete="off"
              value={button.title}
              fault={faultText(faults[`buttons[${i}].title`], s, s.faultTaken)}
              onChange={(ev) =>
                onChange(
                  value.map((b) => (b.id === button.id ? { ...b, title: ev.target.value } : b)),
                )
              }
            />
          </div>
          <IconButton
            label={s.removeButton(i + 1)}
            onClick={() => onChange(value.filter((b) => b.id !== button.id))}
          >
            <X className="size-4" strokeWidth={1.75} />
          </IconButton>
        </div>
      ))}
      {value.length < BUTTONS_MAX && (
        <Button
          size="sm"
          className="self-start max-md:h-11"
          onClick={() => onChange([...value, { id: newId(), title: "" }])}
        >
          <Plus aria-hidden="true" className="size-4" strokeWidth={1.75} />
          {s.addButton}
        </Button>
      )}
    </fieldset>
  );
}

/** The bubble as it would be for an example; the server fills the real one. */
function Preview({ content, buttons }: Pick<QuickReply, "content" | "buttons">) {
  const s = useSettingsTexts();
  const me = useMe();
  const shown = parts(content, {
    "contact.name": s.sampleContact,
    "contact.phone": s.samplePhone,
    "agent.name": me.name,
    "company.name": s.sampleCompany,
  }).map((part, at) => ({ ...part, at }));
  const unknown = shown.filter((p) => p.kind === "unknown").map((p) => p.text);

  return (
    <section aria-label={s.preview}>
      <p aria-hidden="true" className="pb-1 text-preview-strong">
        {s.preview}
      </p>
      {content.trim() === "" ? (
        <p className="text-ink-3 text-meta">{s.previewEmpty}</p>
      ) : (
        <div className="flex flex-col gap-1">
          <p className="whitespace-pre-wrap rounded-bubble bg-bubble-out px-3 py-2 [overflow-wrap:anywhere]">
            {shown.map((part) =>
              part.kind === "plain" ? (
                part.text
              ) : (
                <span
                  key={part.at}
                  className={part.kind === "filled" ? "font-medium" : "text-fail"}
                >
                  {part.text}
                </span>
              ),
            )}
          </p>
          {buttons
            .filter((b) => b.title.trim() !== "")
            .map((b) => (
              <p
                key={b.id}
                className="flex min-h-9 items-center justify-center rounded-bubble border border-line bg-card px-3 text-accent-ink text-preview-strong"
              >
                {b.title}
              </p>
            ))}
        </div>
      )}
      <p role="status" className="flex items-start gap-1 pt-1 text-late text-meta empty:hidden">
        {unknown.length > 0 && (
          <>
            <TriangleAlert aria-hidden="true" className="mt-px size-3.5 shrink-0" />
            {s.unknownVariables(unknown.join(" "))}
          </>
        )}
      </p>
    </section>
  );
}
