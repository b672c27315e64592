/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { App } from "@/shell/App";

export default function NotFound() {
  return <App />;
}
