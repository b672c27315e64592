// @vitest-environment node
/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import { type Api, ApiError, type ApiOptions, createApi } from "../src/rest.ts";

const ID = "01a20610-653f-7000-8000-000000000007";
const TAG = { id: ID, name: "VIP", color: "purple" };

interface Sent {
  method: string;
  url: string;
  headers: Headers;
  body: string;
}

/** A server that gives these answers, one a request, and keeps what it was sent. */
function server(...answers: (Response | Error)[]) {
  const sent: Sent[] = [];
  const fetch = async (r: Request): Promise<Response> => {
    sent.push({ method: r.method, url: r.url, headers: r.headers, body: await r.text() });
    const answer = answers.shift();

    if (answer === undefined || answer instanceof Error) {
      throw answer ?? new Error(`nothing is left to answer ${r.method} ${r.url} with`);
    }
    return answer;
  };

  return { sent, fetch };
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/json", ...headers },
  });
}

function problem(status: number, code: string, more: object = {}): Response {
  return json(
    status,
    { type: "t", title: "T", status, detail: "D", code, request_id: "req_1", ...more },
    { "Content-Type": "application/problem+json" },
  );
}

function setUp(answers: (Response | Error)[], options: Partial<ApiOptions> = {}) {
  const { sent, fetch } = server(...answers);
  const api = createApi({ baseUrl: "https://pytake.test/", token: "t0", fetch, ...options });

  return { api, sent };
}

async function refusal(promise: Promise<unknown>): Promise<ApiError> {
  const err = await promise.then(
    () => null,
    (e: unknown) => e,
  );

  expect(err).toBeInstanceOf(ApiError);
  return err as ApiError;
}

describe("a request", () => {
  test("has path, query, body and token where they belong", async () => {
    const { api, sent } = setUp([json(200, { data: [] }), json(200, TAG)]);

    await api.get("/api/v1/conversations", { query: { status: "active,pending", limit: 3 } });
    await api.patch("/api/v1/tags/{id}", { path: { id: ID }, body: { description: null } });
    expect(sent.map((r) => `${r.method} ${r.url}`)).toEqual([
      "GET https://pytake.test/api/v1/conversations?status=active%2Cpending&limit=3",
      `PATCH https://pytake.test/api/v1/tags/${ID}`,
    ]);
    expect(sent.map((r) => r.body)).toEqual(["", '{"description":null}']);
    expect(sent.map((r) => r.headers.get("Content-Type"))).toEqual([null, "application/json"]);
    expect(sent.map((r) => r.headers.get("Authorization"))).toEqual(["Bearer t0", "Bearer t0"]);
  });

  test("has an Idempotency-Key and an If-Match only where they are asked for", async () => {
    const { api, sent } = setUp([json(201, TAG), json(200, TAG), json(200, TAG)]);

    await api.post("/api/v1/tags", { body: { name: "VIP" }, idempotencyKey: "k 1" });
    await api.patch("/api/v1/tags/{id}", { path: { id: ID }, body: {}, ifMatch: '"4"' });
    await api.patch("/api/v1/tags/{id}", { path: { id: ID }, body: {} });
    expect(sent.map((r) => r.headers.get("Idempotency-Key"))).toEqual(["k 1", null, null]);
    expect(sent.map((r) => r.headers.get("If-Match"))).toEqual([null, '"4"', null]);
  });

  test("escapes what stands in a path", async () => {
    const { api, sent } = setUp([json(200, TAG)]);

    await api.get("/api/v1/tags/{id}", { path: { id: "../a b?" } });
    expect(sent[0]?.url).toBe("https://pytake.test/api/v1/tags/..%2Fa%20b%3F");
  });

  test("ends with its signal", async () => {
    const api = createApi({
      baseUrl: "https://pytake.test",
      fetch: (r) =>
        new Promise((_, reject) => {
          r.signal.addEventListener("abort", () => reject(r.signal.reason));
        }),
    });
    const end = new AbortController();
    const asked = api.get("/api/v1/users", { signal: end.signal });

    end.abort();
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("an answer", () => {
  test("gives body, ETag, request id and whether it is an old one", async () => {
    const { api } = setUp([
      json(201, TAG, { ETag: '"7"', "X-Request-Id": "req_9", "Idempotent-Replayed": "true" }),
    ]);

    expect(
      await api.post("/api/v1/tags", { body: { name: "VIP" }, idempotencyKey: "k" }),
    ).toEqual({ data: TAG, status: 201, etag: '"7"', requestId: "req_9", replayed: true });
  });

  test("may have no body", async () => {
    const { api } = setUp([new Response(null, { status: 204 })]);

    expect(await api.delete("/api/v1/tags/{id}", { path: { id: ID } })).toEqual({
      data: undefined,
      status: 204,
      etag: null,
      requestId: null,
      replayed: false,
    });
  });
});

describe("a refusal", () => {
  test("is an ApiError with the problem's code and its fields' faults", async () => {
    const errors = [{ field: "name", code: "taken", message: "Is taken" }];
    const { api } = setUp([problem(422, "validation_failed", { errors })]);
    const err = await refusal(api.post("/api/v1/tags", { body: { name: "VIP" } }));

    expect(err).toMatchObject({
      status: 422,
      code: "validation_failed",
      message: "D",
      errors,
      requestId: "req_1",
      retryAfter: null,
    });
  });

  test("of something that is not PyTake has its status for a code", async () => {
    const { api } = setUp([
      new Response("<html>", { status: 502, headers: { "Retry-After": "3", "X-Request-Id": "r" } }),
    ]);
    const err = await refusal(api.get("/api/v1/auth/me"));

    expect(err).toMatchObject({ code: "http_502", errors: [], requestId: "r", retryAfter: 3 });
  });

  test("no answer at all is what fetch threw", async () => {
    const gone = new TypeError("fetch failed");
    const { api } = setUp([gone]);

    await expect(api.get("/api/v1/auth/me")).rejects.toBe(gone);
  });
});

describe("the token", () => {
  /** A client whose token is a function, and what that was asked. */
  function renewing(...answers: Response[]) {
    const asked: boolean[] = [];
    const token = async (fresh: boolean) => {
      asked.push(fresh);
      return `t${asked.length}`;
    };

    return { ...setUp(answers, { token }), asked };
  }

  test.each(["token_expired", "invalid_token"])(
    "is renewed once after %s, and the request is the same again",
    async (code) => {
      const { api, sent, asked } = renewing(problem(401, code), json(201, TAG));

      await api.post("/api/v1/tags", { body: { name: "VIP" }, idempotencyKey: "k" });
      expect(asked).toEqual([false, true]);
      expect(sent.map((r) => r.headers.get("Authorization"))).toEqual(["Bearer t1", "Bearer t2"]);
      expect(sent.map((r) => r.headers.get("Idempotency-Key"))).toEqual(["k", "k"]);
      expect(sent.map((r) => r.body)).toEqual(['{"name":"VIP"}', '{"name":"VIP"}']);
    },
  );

  test("that is refused twice is an error", async () => {
    const { api, asked } = renewing(problem(401, "token_expired"), problem(401, "invalid_token"));

    expect((await refusal(api.get("/api/v1/auth/me"))).code).toBe("invalid_token");
    expect(asked).toEqual([false, true]);
  });

  test.each([
    [401, "session_revoked"],
    [403, "forbidden"],
  ])("is not renewed after %d %s", async (status, code) => {
    const { api, asked } = renewing(problem(status, code));

    expect((await refusal(api.get("/api/v1/auth/me"))).code).toBe(code);
    expect(asked).toEqual([false]);
  });

  test("that is a text is not renewed", async () => {
    const { api, sent } = setUp([problem(401, "token_expired")]);

    expect((await refusal(api.get("/api/v1/auth/me"))).status).toBe(401);
    expect(sent).toHaveLength(1);
  });

  test("is not asked for by the requests that make one", async () => {
    const session = { access_token: "a", refresh_token: "r" };
    const { api, sent, asked } = renewing(
      json(200, session),
      json(200, session),
      problem(401, "invalid_credentials"),
    );

    await api.post("/api/v1/auth/login", { body: { email: "a@b.c", password: "p" } });
    await api.post("/api/v1/auth/refresh", { body: { refresh_token: "r" } });
    await refusal(api.post("/api/v1/auth/login", { body: { email: "a@b.c", password: "q" } }));
    expect(sent.map((r) => r.headers.get("Authorization"))).toEqual([null, null, null]);
    expect(asked).toEqual([]);
  });

  test("that cannot be had ends the request before it is sent", async () => {
    const { api, sent } = setUp([], { token: () => Promise.reject(new Error("signed out")) });

    await expect(api.get("/api/v1/auth/me")).rejects.toThrow("signed out");
    expect(sent).toHaveLength(0);
  });
});

describe("pages", () => {
  function page(name: string, next_cursor: string | null): Response {
    return json(200, { data: [{ name }], next_cursor, since: { seq: 1, id: null } });
  }

  async function names(pages: ReturnType<Api["pages"]>): Promise<unknown[]> {
    const seen: unknown[] = [];

    for await (const { data } of pages) {
      seen.push(...data.map((row) => "name" in row && row.name));
    }
    return seen;
  }

  test("follow the cursor with the same filters until there is none", async () => {
    const { api, sent } = setUp([page("a", "c1"), page("b", "c/2"), page("c", null)]);

    expect(await names(api.pages("/api/v1/tags", { query: { q: "v", limit: 1 } }))).toEqual([
      "a",
      "b",
      "c",
    ]);
    expect(sent.map((r) => new URL(r.url).search)).toEqual([
      "?q=v&limit=1",
      "?q=v&limit=1&cursor=c1",
      "?q=v&limit=1&cursor=c%2F2",
    ]);
  });

  test("begin at a cursor, and are not fetched before the loop asks", async () => {
    const { api, sent } = setUp([page("b", "c2")]);

    for await (const { next_cursor } of api.pages("/api/v1/users", { query: { cursor: "c1" } })) {
      expect(next_cursor).toBe("c2");
      break;
    }
    expect(sent.map((r) => new URL(r.url).search)).toEqual(["?cursor=c1"]);
  });

  test("a refusal ends them", async () => {
    const { api } = setUp([page("a", "c1"), problem(400, "invalid_cursor")]);

    expect((await refusal(names(api.pages("/api/v1/tags")))).code).toBe("invalid_cursor");
  });
});

/* What is wrong does not compile: each of these lines would, were it allowed. */
export async function refusedByTheCompiler(api: Api): Promise<void> {
  // @ts-expect-error: there is no such path
  await api.get("/api/v1/tag");
  // @ts-expect-error: that path has no such method
  await api.delete("/api/v1/users");
  // @ts-expect-error: the path has an id
  await api.get("/api/v1/tags/{id}");
  // @ts-expect-error: there is no such colour
  await api.patch("/api/v1/tags/{id}", { path: { id: ID }, body: { color: "mauve" } });
  // @ts-expect-error: reading takes no If-Match
  await api.get("/api/v1/tags/{id}", { path: { id: ID }, ifMatch: '"1"' });
  // @ts-expect-error: changing a tag takes no idempotency key
  await api.patch("/api/v1/tags/{id}", { path: { id: ID }, body: {}, idempotencyKey: "k" });
  // @ts-expect-error: that is no list
  api.pages("/api/v1/auth/me");
  // @ts-expect-error: a deletion has no body
  (await api.delete("/api/v1/tags/{id}", { path: { id: ID } })).data.id;
}
