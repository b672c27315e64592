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

beforeEach(() => {
  localStorage.clear();
});

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

describe("opening the inbox", () => {
  const opened = async () => {
    vi.resetModules();
    return import("./session");
  };

  test("asks for nothing where nobody has signed in", async () => {
    const asked = served();
    const session = await opened();

    await session.startSession();
    expect(session.getSession().name).toBe("out");
    expect(asked).not.toHaveBeenCalled();
  });

  test("asks the cookie where somebody has, until they sign out", async () => {
    const asked = served(session(3600));

    await signIn("ana@example.test", "password");
    let page = await opened();
    const again = served(session(3600), new Response(null, { status: 204 }));

    await page.startSession();
    expect(page.getSession().name).toBe("in");
    expect(asked).toHaveBeenCalledTimes(1);
    await page.signOut();
    expect(again).toHaveBeenCalledTimes(2);

    page = await opened();
    await page.startSession();
    expect(page.getSession().name).toBe("out");
    expect(again).toHaveBeenCalledTimes(2);
  });
});
