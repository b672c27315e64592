/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { accessToken, sessionRefused, signIn } from "./session";

const USER = { id: "u", name: "Ana", email: "ana@example.test", role: "agent" };

function session(life: number): Response {
  return Response.json({ access_token: crypto.randomUUID(), expires_in: life, user: USER });
}

function served(...answers: (Response | Error)[]) {
  const asked = vi.fn(async () => {
    const next = answers.shift();

    if (next instanceof Error) {
      throw next;
    }
    return next ?? Response.error();
  });

  vi.stubGlobal("fetch", asked);
  return asked;
}

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a token", () => {
  test("that lives for a minute is not renewed for each request", async () => {
    const asked = served(session(60), session(60));

    await signIn("ana@example.test", "password");
    await accessToken();
    await accessToken();
    expect(asked).toHaveBeenCalledTimes(1);
  });
});

describe("a session that the socket was told is over", () => {
  test("is asked for until the server answers", async () => {
    served(session(3600));
    await signIn("ana@example.test", "password");

    vi.useFakeTimers();
    const asked = served(new TypeError("network"), session(3600));
    const good = sessionRefused();

    await vi.advanceTimersByTimeAsync(1000);
    expect(await good).toBe(true);
    expect(asked).toHaveBeenCalledTimes(2);
  });

  test("is over when the server says so", async () => {
    served(session(3600));
    await signIn("ana@example.test", "password");

    served(Response.json({ code: "refresh_invalid", title: "x" }, { status: 401 }));
    expect(await sessionRefused()).toBe(false);
  });
});
