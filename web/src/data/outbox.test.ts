/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "@/api/http";
import { api, SignedOut } from "@/session/session";
import { enqueue, flush, getOutbox, startOutbox, stopOutbox } from "./outbox";

vi.mock("@/session/session", () => {
  class SignedOut extends Error {}

  return { SignedOut, api: vi.fn() };
});

const asked = vi.mocked(api);
const settle = () => new Promise((done) => setTimeout(done));

beforeEach(() => {
  localStorage.clear();
  asked.mockReset();
  startOutbox(new QueryClient(), "somebody");
});

afterEach(stopOutbox);

describe("outbox", () => {
  test("waits for the password when the session is over", async () => {
    asked.mockRejectedValueOnce(new SignedOut());
    asked.mockRejectedValue(new ApiError(400, null, null));

    enqueue("c", "under way", null);
    await settle();
    expect(asked).toHaveBeenCalledTimes(1);
    expect(getOutbox()).toMatchObject([{ content: "under way", state: "waiting" }]);

    asked.mockReset();
    asked.mockResolvedValue({});
    flush();
    await settle();
    expect(asked).toHaveBeenCalledTimes(1);
    expect(getOutbox()).toEqual([]);
  });
});
