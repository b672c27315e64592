/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { type ClassValue, clsx } from "clsx";
import { extendTailwindMerge } from "tailwind-merge";

/* The project's own names: text styles set size and line height together. */
const merge = extendTailwindMerge({
  extend: {
    theme: {
      radius: ["tag", "mark", "control", "card", "bubble", "pill", "full"],
      shadow: ["float", "modal"],
    },
    classGroups: {
      "font-size": [
        {
          text: [
            "micro",
            "count",
            "meta",
            "meta-strong",
            "preview",
            "preview-strong",
            "body",
            "strong",
            "section",
            "head",
            "title",
            "sign",
            "time",
          ],
        },
      ],
    },
  },
});

/** Joins class names; of two that set the same thing the last one wins. */
export function cn(...parts: ClassValue[]): string {
  return merge(clsx(parts));
}
