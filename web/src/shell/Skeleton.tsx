/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/** The frame of the inbox without a word: what is exported, and the first paint. */
export function Skeleton() {
  return (
    <div aria-hidden="true" className="flex h-dvh overflow-hidden bg-gutter max-md:bg-page">
      <div className="w-14 shrink-0 max-md:hidden" />
      <div className="my-2 mr-2 flex min-w-0 flex-1 overflow-hidden rounded-card border border-line bg-page max-md:m-0 max-md:rounded-none max-md:border-0">
        <div className="w-[352px] shrink-0 border-line border-r max-md:w-full max-md:border-0">
          <div className="h-[93px] max-md:h-24 border-line border-b" />
        </div>
        <div className="flex-1 bg-card max-md:hidden">
          <div className="h-14 border-line border-b" />
        </div>
      </div>
    </div>
  );
}
