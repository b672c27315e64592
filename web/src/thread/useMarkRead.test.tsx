/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { act, fireEvent, renderHook } from "@testing-library/react";
import { openConversation, openNextConversation } from "@/nav/navigation";
import { LOOK_MS, useMarkRead } from "./useMarkRead";

const read = vi.fn(async () => {});

function look(id: string) {
  return renderHook(() => useMarkRead({ id, unread_count: 2 }, true, read));
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(document, "hasFocus").mockReturnValue(true);
  document.body.innerHTML = '<a id="row"></a><section><div id="log"></div></section>';
  read.mockClear();
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("what somebody opened is read at once", () => {
  openConversation("a");
  look("a");
  expect(read).toHaveBeenCalledWith("a");
});

test("what closing another one opened is read when it was looked at for a while", () => {
  openNextConversation("b");
  look("b");
  act(() => vi.advanceTimersByTime(LOOK_MS - 1));
  expect(read).not.toHaveBeenCalled();
  act(() => vi.advanceTimersByTime(1));
  expect(read).toHaveBeenCalledTimes(1);
});

test.each([
  ["a click in it", () => fireEvent.pointerDown(document.getElementById("log") as Element), 1],
  ["scrolling in it", () => fireEvent.wheel(document.getElementById("log") as Element), 1],
  [
    "a key of its own",
    () => fireEvent.keyDown(document.getElementById("row") as Element, { key: "r" }),
    1,
  ],
  ["a click elsewhere", () => fireEvent.pointerDown(document.getElementById("row") as Element), 0],
  [
    "a walk through the list",
    () => fireEvent.keyDown(document.getElementById("row") as Element, { key: "j" }),
    0,
  ],
])("or when something is done in it: %s", (_name, deed, times) => {
  openNextConversation("c");
  look("c");
  expect(read).not.toHaveBeenCalled();
  act(() => {
    deed();
  });
  expect(read).toHaveBeenCalledTimes(times);
});

test("and is not read when it was left before", () => {
  openNextConversation("d");
  look("d").unmount();
  act(() => vi.advanceTimersByTime(2 * LOOK_MS));
  expect(read).not.toHaveBeenCalled();
});
