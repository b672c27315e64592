/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { App } from "@/shell/App";

/* One file for every conversation: the id is read from the address. */
export function generateStaticParams() {
  return [{ id: [] }];
}

export default function Page() {
  return <App />;
}
