/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { ApiError } from "@/api/http";
import {
  changeNoun,
  createNoun,
  type Kept,
  type NounInputs,
  type NounKind,
  type Nouns,
  readNoun,
  tellNoun,
  useNouns,
} from "@/data/nouns";
import { newId } from "@/lib/ids";
import { SignedOut } from "@/session/session";
import { changedFields, differing, faultsOf, rebased, TryKey } from "./form";

export type Refusal = "refused" | "failed" | "forbidden";

interface Options<K extends NounKind, V extends NounInputs[K]> {
  kind: K;
  /** What is edited; null: a new one. */
  row: Nouns[K] | null;
  valuesOf: (row: Nouns[K] | null) => V;
  /** The fields that may not be empty. */
  required: (keyof V & string)[];
  /** The fields that the form shows: a fault of another one is told above its foot. */
  shows: (field: string) => boolean;
  onSaved: (row: Nouns[K], made: boolean) => void;
}

/**
 * A form about one thing.  Nothing is on the screen before the server has it: a
 * name may be taken, or somebody else may have changed the thing meanwhile.  An
 * event tells that at once, and If-Match makes sure of it.
 */
export function useNounForm<K extends NounKind, V extends NounInputs[K]>(o: Options<K, V>) {
  const { kind, valuesOf } = o;
  const client = useQueryClient();
  const list = useNouns(kind).data;
  /* What the form began with, or was brought up to. */
  const [base, setBase] = useState(o.row);
  const [values, setValues] = useState(() => valuesOf(o.row));
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [saving, setSaving] = useState(false);
  const [refused, setRefused] = useState(0);
  const form = useRef<HTMLFormElement>(null);
  const etags = useRef(new Map<string, string>());
  const [tries] = useState(() => new TryKey(newId));
  const id = o.row?.id ?? null;
  const found = base === null ? undefined : list?.find((x) => x.id === base.id);
  const gone = base !== null && list !== undefined && found === undefined;
  const newest = found as Nouns[K] | undefined;
  const stale = base !== null && newest !== undefined && newest.updated_at > base.updated_at;

  const learn = (kept: Kept<Nouns[K]>) => {
    etags.current.set(kept.value.updated_at, kept.etag);
    tellNoun(client, kind, "updated", kept.value);
  };

  /* Its version is asked for while somebody types. */
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when it opens
  useEffect(() => {
    if (id !== null) {
      readNoun(kind, id).then(learn, () => {
        /* It is asked for again when it is saved. */
      });
    }
  }, [kind, id]);

  /* After a refusal the first thing to look at has the focus. */
  useEffect(() => {
    if (refused > 0) {
      form.current?.querySelector<HTMLElement>("[data-stale], [aria-invalid=true]")?.focus();
    }
  }, [refused]);

  const change = async (to: Nouns[K], body: Partial<V>): Promise<Kept<Nouns[K]> | null> => {
    if (!etags.current.has(to.updated_at)) {
      learn(await readNoun(kind, to.id));
    }

    const etag = etags.current.get(to.updated_at);

    return etag === undefined ? null : changeNoun(kind, to.id, etag, body);
  };

  const refuse = async (err: unknown) => {
    if (err instanceof SignedOut) {
      return;
    }
    if (!(err instanceof ApiError) || err.transient) {
      setRefusal("failed");
    } else if (err.status === 412 && base !== null) {
      learn(await readNoun(kind, base.id));
    } else if (err.status === 404 && base !== null) {
      tellNoun(client, kind, "deleted", base);
    } else if (err.status === 403) {
      setRefusal("forbidden");
    } else {
      const found = faultsOf(err.problem);

      setFaults(found ?? {});
      if (found === null || Object.keys(found).some((field) => !o.shows(field))) {
        setRefusal("refused");
      }
    }
  };

  const save = async () => {
    const missing = o.required.filter((key) => String(values[key] ?? "").trim() === "");

    setRefusal(null);
    setFaults(Object.fromEntries(missing.map((key) => [key, "required"])));
    if (missing.length > 0) {
      return false;
    }

    const made = base === null || gone;
    const body = made ? values : changedFields(values, valuesOf(base));

    if (base !== null && !made && !stale && Object.keys(body).length === 0) {
      o.onSaved(base, false);
      return true;
    }

    const kept = made
      ? await createNoun(kind, body as V, tries.of(body))
      : await change(base, body as Partial<V>);

    if (kept === null) {
      return false;
    }
    tellNoun(client, kind, made ? "created" : "updated", kept.value);
    o.onSaved(kept.value, made);
    return true;
  };

  const submit = async (ev: FormEvent) => {
    ev.preventDefault();
    if (saving) {
      return;
    }
    setSaving(true);
    try {
      if (await save()) {
        return;
      }
    } catch (err) {
      await refuse(err).catch(() => setRefusal("failed"));
    }
    setSaving(false);
    setRefused((n) => n + 1);
  };

  return {
    ref: form,
    submit,
    values,
    set: (some: Partial<V>) => {
      setValues((had) => ({ ...had, ...some }));
      setFaults((had) =>
        Object.fromEntries(
          Object.entries(had).filter(([field]) => !(field.replace(/\[.*/, "") in some)),
        ),
      );
    },
    faults,
    refusal,
    saving,
    gone,
    made: base === null || gone,
    dirty: differing(values, valuesOf(base)).length > 0,
    /** The fields that somebody else has changed; null when nobody has. */
    stale: stale && base !== null ? differing(valuesOf(newest), valuesOf(base)) : null,
    takeNewest: () => {
      if (newest !== undefined) {
        setBase(newest);
        setValues(valuesOf(newest));
        setFaults({});
      }
    },
    keepMine: () => {
      if (newest !== undefined && base !== null) {
        setBase(newest);
        setValues(rebased(values, valuesOf(base), valuesOf(newest)));
      }
    },
  };
}
