/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */
"use client";

import { PageError } from "@/shell/PageError";

export default function ErrorPage({ reset }: { reset: () => void }) {
  return <PageError onRetry={reset} />;
}
