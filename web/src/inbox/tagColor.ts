/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { Tag, TagColor } from "@/api/types";

/** What a tag without a colour of its own has, by its name. */
const BY_NAME: readonly TagColor[] = ["teal", "pink", "yellow", "blue"];

export function colorByName(name: string): TagColor {
  let h = 0;

  for (let i = 0; i < name.length; i++) {
    h = (h * 31 + name.charCodeAt(i)) >>> 0;
  }
  return BY_NAME[h % BY_NAME.length] as TagColor;
}

const known = new WeakMap<readonly Tag[], Map<string, TagColor>>();

/** The colour of the tag of this name, in any case; of none, that of the name. */
export function colorOf(name: string, tags: readonly Tag[] | undefined): TagColor {
  if (tags === undefined) {
    return colorByName(name);
  }

  let colors = known.get(tags);

  if (colors === undefined) {
    colors = new Map(
      tags.flatMap((tag) => (tag.color === null ? [] : [[tag.name.toLowerCase(), tag.color]])),
    );
    known.set(tags, colors);
  }
  return colors.get(name.toLowerCase()) ?? colorByName(name);
}
