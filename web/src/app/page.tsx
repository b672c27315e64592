/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { App } from "@/shell/App";

export default function Page() {
  return <App />;
}
