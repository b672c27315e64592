/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The tab's icon, with a mark while something is unread. */

const PLAIN = "/icon.svg";
const MARKED = "/icon-unread.svg";

export function setFavicon(unread: boolean): void {
  const href = unread ? MARKED : PLAIN;
  let link = document.querySelector<HTMLLinkElement>("link[rel~='icon']");

  if (link === null) {
    link = document.createElement("link");
    link.rel = "icon";
    document.head.append(link);
  }
  if (link.getAttribute("href") !== href) {
    link.type = "image/svg+xml";
    link.href = href;
  }
}
