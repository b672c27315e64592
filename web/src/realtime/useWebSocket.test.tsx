/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { act, renderHook, waitFor } from "@testing-library/react";
import { FakeSocket } from "../../../clients/ts/test/fake";
import { useWebSocket } from "./useWebSocket";

const HEAD = { seq: 10, id: "e10" };

function setUp() {
  const onMessage = vi.fn();
  const hook = renderHook(() =>
    useWebSocket({
      url: "ws://pytake.test/ws",
      token: async () => "token",
      socket: (url) => new FakeSocket(url),
      onMessage,
    }),
  );

  return { onMessage, ...hook };
}

beforeEach(() => {
  FakeSocket.all = [];
});

describe("useWebSocket", () => {
  test("connects and authenticates", async () => {
    const { result } = setUp();

    await waitFor(() => expect(FakeSocket.all).toHaveLength(1));
    expect(result.current.isConnected).toBe(false);
    act(() => FakeSocket.last().enter(HEAD));

    expect(FakeSocket.last().sent[0]).toMatchObject({ type: "auth", token: "token" });
    expect(result.current.isConnected).toBe(true);
  });

  test("hands message_received on", async () => {
    const { onMessage } = setUp();

    await waitFor(() => expect(FakeSocket.all).toHaveLength(1));
    act(() => {
      FakeSocket.last().enter(HEAD);
      FakeSocket.last().say({
        event: "message_received",
        data: { content: "Test message" },
        timestamp: "t",
        seq: 11,
        id: "e11",
      });
    });

    expect(onMessage).toHaveBeenCalledTimes(1);
    expect(onMessage).toHaveBeenCalledWith(expect.objectContaining({ event: "message_received" }));
  });

  test("reconnects by itself", async () => {
    const { result } = setUp();

    await waitFor(() => expect(FakeSocket.all).toHaveLength(1));
    act(() => FakeSocket.last().enter(HEAD));
    act(() => FakeSocket.last().drop(4200));
    expect(result.current.isConnected).toBe(false);

    await waitFor(() => expect(FakeSocket.all).toHaveLength(2), { timeout: 5000 });
    act(() => FakeSocket.last().enter(HEAD, true));
    expect(result.current.isConnected).toBe(true);
  });

  test("closes when the component goes", async () => {
    const { unmount } = setUp();

    await waitFor(() => expect(FakeSocket.all).toHaveLength(1));
    act(() => FakeSocket.last().enter(HEAD));
    unmount();

    expect(FakeSocket.last().closedWith).toBe(1000);
  });
});
