/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import { createElement, type ReactNode } from "react";
import type { Message, Page } from "@/api/types";
import { api } from "@/session/session";
import { withMessage } from "./merge";
import { changeThread, useThread } from "./messages";

vi.mock("@/session/session", () => ({ api: vi.fn() }));

const message = (id: string) => ({ id, status: "delivered" }) as Message;
const page = (next: string | null, ...ids: string[]): Page<Message> => ({
  data: ids.map(message),
  next_cursor: next,
});

describe("a thread", () => {
  test("keeps what comes while older ones are loaded", async () => {
    const client = new QueryClient();
    const wrapper = (p: { children: ReactNode }) =>
      createElement(QueryClientProvider, { client }, p.children);
    let older: (page: Page<Message>) => void = () => {};

    vi.mocked(api).mockResolvedValueOnce(page("c", "m4", "m3"));
    vi.mocked(api).mockReturnValueOnce(
      new Promise<Page<Message>>((done) => {
        older = done;
      }),
    );

    const { result } = renderHook(() => useThread("t"), { wrapper });

    await waitFor(() => expect(result.current.hasNextPage).toBe(true));
    act(() => void result.current.fetchNextPage());
    act(() => changeThread(client, "t", (pages) => withMessage(pages, message("m5"))));
    await act(async () => older(page(null, "m2", "m1")));

    await waitFor(() => expect(result.current.blocks).toHaveLength(2));
    expect(result.current.blocks.flat().map((m) => m.id)).toEqual(["m1", "m2", "m3", "m4", "m5"]);
  });
});
