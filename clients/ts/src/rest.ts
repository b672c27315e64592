/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import createClient, { type RequestBodyOption } from "openapi-fetch";
import { ApiError } from "./problem.ts";
import type { paths } from "./schema.gen.ts";

export { ApiError, type FieldError, type Problem } from "./problem.ts";
export type { components } from "./schema.gen.ts";

/** The paths that answer JSON to a person's program: neither webhook nor WebSocket. */
type Rest = Omit<
  Pick<paths, Extract<keyof paths, `/api/v1/${string}`>>,
  "/api/v1/webhooks/whatsapp" | "/api/v1/conversations/ws"
>;

/** The methods that the API has. */
export type Method = "get" | "post" | "patch" | "delete";

/** The paths that know a method. */
export type PathOf<M extends Method> = {
  [P in keyof Rest]: Rest[P] extends Record<M, object> ? P : never;
}[keyof Rest];

type Parameters<P extends keyof Rest, M extends Method> = Rest[P][M] extends {
  parameters: infer All extends { query?: unknown; path?: unknown; header?: unknown };
}
  ? All
  : never;

/** `{ [Name]?: string }` where the operation takes that header, else nothing. */
type Takes<Headers, Header extends string, Name extends string> = [Headers] extends [never]
  ? unknown
  : Header extends keyof Headers
    ? { [N in Name]?: string }
    : unknown;

/**
 * What a request takes beside its path.  `path`, `query` and `body` are what the
 * API's description says of the operation; `idempotencyKey` and `ifMatch` are
 * there where the operation knows them.
 */
export type Init<P extends keyof Rest, M extends Method> = Pick<
  Parameters<P, M>,
  "path" | "query"
> &
  RequestBodyOption<Rest[P][M]> &
  Takes<NonNullable<Parameters<P, M>["header"]>, "Idempotency-Key", "idempotencyKey"> &
  Takes<NonNullable<Parameters<P, M>["header"]>, "If-Match", "ifMatch"> & {
    /** This ends the request early; it then rejects with an `AbortError`. */
    signal?: AbortSignal;
  };

/** An `Init`, which may be left out where nothing in it is required. */
type Inits<P extends keyof Rest, M extends Method> =
  Record<never, never> extends Init<P, M> ? [init?: Init<P, M>] : [init: Init<P, M>];

/** The body of an operation's success; undefined where it has none. */
export type Data<P extends keyof Rest, M extends Method> = Rest[P][M] extends {
  responses: infer R;
}
  ? {
      [S in keyof R & (200 | 201 | 204)]: R[S] extends { content: { "application/json": infer T } }
        ? T
        : undefined;
    }[keyof R & (200 | 201 | 204)]
  : never;

/** The lists: their answers name the cursor of the next page. */
type ListPath = {
  [P in PathOf<"get">]: Data<P, "get"> extends { next_cursor: string | null } ? P : never;
}[PathOf<"get">];

/** What the server answered to a request that went well. */
export interface Answer<T> {
  /** The body; it is undefined where the operation answers without one. */
  data: T;
  status: number;
  /** The version of what was answered, to be handed to `ifMatch`; null where there is none. */
  etag: string | null;
  /** The id that the server's log has of this request. */
  requestId: string | null;
  /** Whether this is the answer that an earlier request with this idempotency key got. */
  replayed: boolean;
}

/** One method of the API: the path as the description writes it, then what goes with it. */
type Call<M extends Method> = <P extends PathOf<M>>(
  path: P,
  ...init: Inits<P, M>
) => Promise<Answer<Data<P, M>>>;

/**
 * The REST API of one PyTake.  Every method rejects with an `ApiError` when the
 * server refuses, and with what `fetch` threw when no answer came.
 */
export interface Api {
  get: Call<"get">;
  post: Call<"post">;
  patch: Call<"patch">;
  delete: Call<"delete">;
  /**
   * The pages of a list, one after the other: each is fetched when the loop asks
   * for it, and the last one has no `next_cursor`.  A `cursor` in `query` is
   * where it begins.
   */
  pages<P extends ListPath>(path: P, ...init: Inits<P, "get">): AsyncGenerator<Data<P, "get">, void>;
}

export interface ApiOptions {
  /** Where PyTake is, for example `https://inbox.example.com`; "" is a page's own origin. */
  baseUrl: string;
  /**
   * The access token, or a function that gives one.  The function is asked
   * before every request.  It is asked with `fresh` when the server has refused
   * the last one as expired or invalid; the request is then repeated once.  The
   * requests that open or renew a session go without a token, so the function
   * may make them with this very client.
   */
  token?: string | ((fresh: boolean) => string | Promise<string>);
  /** What sends the requests; the global `fetch` when it is left out. */
  fetch?: (request: Request) => Promise<Response>;
}

/** The operations that make a token, and so ask for none. */
const WITHOUT_TOKEN: readonly string[] = [
  "/api/v1/auth/login",
  "/api/v1/auth/refresh",
] satisfies PathOf<"post">[];

/** Refusals of a token that another token can mend. */
const RENEWABLE: readonly string[] = ["token_expired", "invalid_token"];

/** The members that the types above give to the operations that know them. */
interface AnyInit {
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
  idempotencyKey?: string;
  ifMatch?: string;
  signal?: AbortSignal;
}

/**
 * A typed client of the REST API.  It keeps nothing but its options: no cache,
 * no token, no connection.
 */
export function createApi(options: ApiOptions): Api {
  const send = sender(options);

  async function call(method: Method, path: string, init: AnyInit = {}): Promise<Answer<unknown>> {
    if (options.token === undefined || WITHOUT_TOKEN.includes(path)) {
      return send(method, path, init, null);
    }
    if (typeof options.token === "string") {
      return send(method, path, init, options.token);
    }

    try {
      return await send(method, path, init, await options.token(false));
    } catch (err) {
      if (err instanceof ApiError && RENEWABLE.includes(err.code)) {
        return send(method, path, init, await options.token(true));
      }
      throw err;
    }
  }

  async function* pages(path: string, init: AnyInit = {}): AsyncGenerator<unknown, void> {
    let query = init.query;

    for (;;) {
      const { data } = await call("get", path, { ...init, query });

      yield data;
      const cursor = (data as { next_cursor: string | null }).next_cursor;

      if (cursor === null) {
        return;
      }
      query = { ...query, cursor };
    }
  }

  /* The types of `Api` are the description's; what is sent is the same for all. */
  return {
    get: (path: string, init?: AnyInit) => call("get", path, init),
    post: (path: string, init?: AnyInit) => call("post", path, init),
    patch: (path: string, init?: AnyInit) => call("patch", path, init),
    delete: (path: string, init?: AnyInit) => call("delete", path, init),
    pages,
  } as unknown as Api;
}

/** Every operation, as far as sending it is concerned. */
interface AnyOperation {
  parameters: Pick<AnyInit, "path" | "query">;
  requestBody?: { content: { "application/json": unknown } };
  responses: { 200: { content: { "application/json": unknown } } };
}

type Send = (
  method: Method,
  path: string,
  init: AnyInit,
  token: string | null,
) => Promise<Answer<unknown>>;

/** Sends one request, once. */
function sender(options: ApiOptions): Send {
  const client = createClient<Record<string, Record<Method, AnyOperation>>>({
    baseUrl: options.baseUrl,
    fetch: options.fetch,
  });

  return async (method, path, init, token) => {
    const { data, error, response } = await client.request(method, path, {
      params: { path: init.path, query: init.query },
      body: init.body,
      signal: init.signal,
      headers: {
        Accept: "application/json",
        Authorization: token === null ? undefined : `Bearer ${token}`,
        "Idempotency-Key": init.idempotencyKey,
        "If-Match": init.ifMatch,
      },
    });

    if (!response.ok) {
      throw new ApiError(response, error);
    }

    return {
      data,
      status: response.status,
      etag: response.headers.get("ETag"),
      requestId: response.headers.get("X-Request-Id"),
      replayed: response.headers.get("Idempotent-Replayed") === "true",
    };
  };
}
