/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { act, renderHook } from "@testing-library/react";
import type { Conversation } from "@/api/types";
import { enqueue, stopOutbox } from "@/data/outbox";
import { risen, useStableOrder } from "./useStableOrder";

vi.mock("@/session/session", () => ({ api: () => new Promise(() => {}), SignedOut: Error }));

afterEach(stopOutbox);

test.each([
  ["abc", "abc", ""],
  ["abc", "cab", "c"],
  ["abc", "cbad", "cb"],
  ["abc", "xabc", "x"],
  ["abc", "cxab", "cx"],
  ["abc", "abcxy", ""],
  ["abc", "bc", ""],
  ["", "ab", ""],
])("of %s, as %s, has risen: %s", (order, list, up) => {
  expect(risen([...order], [...list]).join("")).toBe(up);
});

const rows = (ids: string) => [...ids].map((id) => ({ id }) as Conversation);

function show(ids: string) {
  const { result, rerender } = renderHook(
    (p: { ids: string; held: boolean; pointed: boolean }) => {
      const list = useMemoList(p.ids);

      return useStableOrder(list, p.held, p.pointed, "");
    },
    { initialProps: { ids, held: false, pointed: false } },
  );

  return {
    rerender,
    order: () => result.current.rows.map((r) => r.conversation.id).join(""),
    pending: () => result.current.pending,
  };
}

const lists = new Map<string, Conversation[]>();

function useMemoList(ids: string): Conversation[] {
  lists.set(ids, lists.get(ids) ?? rows(ids));
  return lists.get(ids) as Conversation[];
}

test("while it is held a row that would rise is counted, and let go it rises", () => {
  const shown = show("abc");

  shown.rerender({ ids: "cab", held: true, pointed: false });
  expect([shown.order(), shown.pending()]).toEqual(["abc", 1]);
  shown.rerender({ ids: "xcabd", held: true, pointed: false });
  expect([shown.order(), shown.pending()]).toEqual(["abcd", 2]);
  shown.rerender({ ids: "xcabd", held: false, pointed: false });
  expect([shown.order(), shown.pending()]).toEqual(["xcabd", 0]);
});

test("a row that was answered from here rises at once, and never counts", () => {
  const shown = show("abc");

  shown.rerender({ ids: "abc", held: true, pointed: true });
  act(() => {
    enqueue("c", "sim", null);
  });
  shown.rerender({ ids: "cab", held: true, pointed: true });
  expect([shown.order(), shown.pending()]).toEqual(["abc", 0]);
  shown.rerender({ ids: "cab", held: true, pointed: false });
  expect([shown.order(), shown.pending()]).toEqual(["cab", 0]);
  shown.rerender({ ids: "bca", held: true, pointed: false });
  expect([shown.order(), shown.pending()]).toEqual(["cab", 1]);
});

test("later pages go on at the end, though a row that was known before belongs below them", () => {
  const shown = show("abx");

  shown.rerender({ ids: "abcdx", held: true, pointed: false });
  expect([shown.order(), shown.pending()]).toEqual(["abxcd", 0]);
  shown.rerender({ ids: "yabcdx", held: true, pointed: false });
  expect([shown.order(), shown.pending()]).toEqual(["abxcd", 1]);
});
