/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { zodResolver } from "@hookform/resolvers/zod";
import { CircleAlert, Eye, EyeOff } from "lucide-react";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";
import { ApiError, NetworkError } from "@/api/http";
import { type Messages, useI18n } from "@/i18n";
import { Button, IconButton } from "@/ui/Button";
import { Field } from "@/ui/Field";
import { signIn } from "./session";

type Fault = "emailMissing" | "emailInvalid" | "passwordMissing";

/* No code is made from text: the policy forbids it, and reports the attempt. */
z.config({ jitless: true });

const shape = z.object({
  email: z
    .string()
    .trim()
    .min(1, "emailMissing" satisfies Fault)
    .regex(/^[^\s@]+@[^\s@]+$/, "emailInvalid" satisfies Fault),
  password: z.string().min(1, "passwordMissing" satisfies Fault),
});

type Values = z.infer<typeof shape>;

function reason(err: unknown, t: Messages): string {
  if (err instanceof ApiError) {
    if (err.status === 401) {
      return t.wrongCredentials;
    }
    if (err.status === 429) {
      return t.tooManyAttempts(err.retryAfter ?? 1);
    }
    return t.serverAway;
  }
  if (err instanceof NetworkError) {
    return t.serverAway;
  }
  throw err;
}

/** E-mail and password.  `email` is set when one and the same person comes back. */
export function SignInForm({ email, label }: { email?: string; label?: string }) {
  const { t } = useI18n();
  const [shown, setShown] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const form = useForm<Values>({
    resolver: zodResolver(shape),
    defaultValues: { email: email ?? "", password: "" },
  });
  const faultOf = (name: keyof Values): string | undefined => {
    const key = form.formState.errors[name]?.message as Fault | undefined;

    return key === undefined ? undefined : t[key];
  };
  const submit = form.handleSubmit(async (values) => {
    setRefusal(null);
    try {
      await signIn(values.email, values.password);
    } catch (err) {
      setRefusal(reason(err, t));
      form.setFocus("password", { shouldSelect: true });
    }
  });

  return (
    <form onSubmit={submit} noValidate className="flex flex-col gap-4">
      <Field
        label={t.email}
        type="email"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        fault={faultOf("email")}
        {...form.register("email")}
      />
      <Field
        label={t.password}
        type={shown ? "text" : "password"}
        autoComplete="current-password"
        fault={faultOf("password")}
        inside={
          <IconButton
            size="sm"
            className="absolute top-1 right-1 max-md:top-2"
            label={shown ? t.hidePassword : t.showPassword}
            on={shown}
            onClick={() => setShown(!shown)}
          >
            {shown ? <EyeOff className="size-4" /> : <Eye className="size-4" />}
          </IconButton>
        }
        {...form.register("password")}
      />
      <div role="alert" className="empty:hidden">
        {refusal !== null && (
          <p className="flex items-start gap-2 rounded-control bg-fail-soft px-3 py-2 text-preview text-fail">
            <CircleAlert aria-hidden="true" className="mt-0.5 size-4 shrink-0" />
            {refusal}
          </p>
        )}
      </div>
      <Button
        kind="primary"
        size="lg"
        type="submit"
        disabled={form.formState.isSubmitting}
        className="max-md:h-11"
      >
        {form.formState.isSubmitting ? t.signingIn : (label ?? t.signIn)}
      </Button>
    </form>
  );
}
