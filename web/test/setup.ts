/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import "@testing-library/jest-dom/vitest";

class QuietResizeObserver implements ResizeObserver {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

globalThis.ResizeObserver ??= QuietResizeObserver;
