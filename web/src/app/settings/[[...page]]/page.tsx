/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { App } from "@/shell/App";

/* A file for each page, so that an address that was kept is found. */
export function generateStaticParams() {
  return [{ page: [] }, { page: ["tags"] }, { page: ["quick-replies"] }];
}

export default function Page() {
  return <App />;
}
