/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { Tag as TagIcon } from "lucide-react";
import type { Tag, TagColor, TagInput } from "@/api/types";
import { useSettingsTexts } from "@/i18n/settings";
import { colorByName } from "@/inbox/tagColor";
import { Field, TextArea } from "@/ui/Field";
import { toast } from "@/ui/Toast";
import { FormPanel } from "./FormPanel";
import { faultText } from "./faultText";
import { type FormProps, NounPage } from "./NounPage";
import { useNounForm } from "./useNounForm";

const NAME_MAX = 100;
const DESCRIPTION_MAX = 500;
const COLORS: readonly TagColor[] = [
  "gray",
  "red",
  "orange",
  "yellow",
  "green",
  "teal",
  "blue",
  "purple",
  "pink",
];

export function TagsPage() {
  const s = useSettingsTexts();

  return (
    <NounPage
      kind="tags"
      icon={TagIcon}
      title={s.tags}
      lead={s.tagsLead}
      newText={s.newTag}
      empty={{ title: s.noTagsTitle, text: s.noTagsText, reader: s.noTagsReader }}
      nameOf={(tag) => tag.name}
      found={null}
      heads={[{ text: s.name }, { text: s.description, wide: true }]}
      cells={(tag, name) => (
        <>
          <td className="max-md:max-w-0 md:w-52 md:min-w-36 md:max-w-52">
            <span className="flex items-center gap-2.5">
              <Square color={tag.color ?? colorByName(tag.name)} />
              {name}
            </span>
            {tag.description !== null && (
              <span className="block truncate pl-5 text-ink-3 text-meta md:hidden">
                {tag.description}
              </span>
            )}
          </td>
          <td className="max-w-0 text-ink-2 max-md:hidden">
            <span className="line-clamp-2">{tag.description}</span>
          </td>
        </>
      )}
      form={(props) => <TagForm {...props} />}
      removing={{ title: s.removeTag, text: s.removeTagText, done: s.tagRemoved }}
    />
  );
}

function Square({ color }: { color: TagColor }) {
  return (
    <i
      aria-hidden="true"
      className="size-2.5 shrink-0 rounded-tag"
      style={{ background: `var(--tag-${color})` }}
    />
  );
}

type Values = Required<TagInput>;

function valuesOf(tag: Tag | null): Values {
  return {
    name: tag?.name ?? "",
    color: tag?.color ?? null,
    description: tag?.description ?? null,
  };
}

function TagForm({ row, onClose, onSaved, onDirty }: FormProps<Tag>) {
  const s = useSettingsTexts();
  const labels: Record<string, string> = {
    name: s.name,
    color: s.color,
    description: s.description,
  };
  const form = useNounForm<"tags", Values>({
    kind: "tags",
    row,
    valuesOf,
    required: ["name"],
    shows: (field) => field in labels,
    onSaved: (tag, made) => {
      toast({ text: made ? s.tagMade(tag.name) : s.tagSaved(tag.name) });
      onSaved(tag, made);
    },
  });
  const { values, faults, set } = form;

  return (
    <FormPanel
      title={row === null ? s.newTag : s.editTag}
      form={form}
      label={(field) => (labels[field] ?? field).toLowerCase()}
      onClose={onClose}
      onDirty={onDirty}
    >
      <Field
        label={s.name}
        className="h-8"
        maxLength={NAME_MAX}
        autoComplete="off"
        value={values.name}
        fault={faultText(faults.name, s, s.faultTaken)}
        onChange={(ev) => set({ name: ev.target.value })}
      />
      <Colors value={values.color} name={values.name} onChange={(color) => set({ color })} />
      <TextArea
        label={`${s.description} (${s.optional})`}
        rows={3}
        maxLength={DESCRIPTION_MAX}
        value={values.description ?? ""}
        fault={faultText(faults.description, s, "")}
        help={s.descriptionHelp}
        onChange={(ev) => set({ description: ev.target.value === "" ? null : ev.target.value })}
      />
    </FormPanel>
  );
}

interface ColorsProps {
  value: TagColor | null;
  name: string;
  onChange: (color: TagColor | null) => void;
}

/** The colours of the theme; without one the name decides. */
function Colors({ value, name, onChange }: ColorsProps) {
  const s = useSettingsTexts();

  return (
    <fieldset>
      <legend className="pb-1 text-preview-strong">
        {s.color}: <span className="font-normal text-ink-2">{nameOfColor(value, s)}</span>
      </legend>
      <div className="flex flex-wrap gap-1.5">
        {[null, ...COLORS].map((color) => (
          <label
            key={color}
            className="relative grid h-8 min-w-8 cursor-pointer place-items-center rounded-control border border-line-strong bg-card transition-fast hover:bg-hover has-checked:border-accent has-checked:ring-1 has-checked:ring-accent has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-(--ring) max-md:h-11 max-md:min-w-11"
          >
            <input
              type="radio"
              name="color"
              className="absolute inset-0 cursor-pointer opacity-0"
              aria-label={nameOfColor(color, s)}
              checked={value === color}
              onChange={() => onChange(color)}
            />
            {color === null ? (
              <span aria-hidden="true" className="flex items-center gap-1.5 px-2 text-meta">
                <Square color={colorByName(name)} />
                {s.colorAuto}
              </span>
            ) : (
              <Square color={color} />
            )}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function nameOfColor(
  color: TagColor | null,
  s: { colorAuto: string; colors: Record<TagColor, string> },
): string {
  return color === null ? s.colorAuto : s.colors[color];
}
