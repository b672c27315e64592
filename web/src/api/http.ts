/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { Problem } from "./types";

/** The server answered with a problem (RFC 9457). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly problem: Problem | null;
  /** Seconds that the server asks to wait, or null. */
  readonly retryAfter: number | null;

  constructor(status: number, problem: Problem | null, retryAfter: number | null) {
    super(problem?.title ?? `HTTP ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.code = problem?.code ?? `http_${status}`;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }

  /** Trying again later may work: the server or its database is away, or it is busy. */
  get transient(): boolean {
    return this.status === 429 || this.status >= 500;
  }
}

/** No answer came: the network, the server, or 15 s. */
export class NetworkError extends Error {
  constructor(cause: unknown) {
    super("no answer", { cause });
    this.name = "NetworkError";
  }
}

export interface Request {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Is told the head of a good answer: an ETag stands there. */
  onHead?: (headers: Headers) => void;
}

export const ANSWER_MS = 15_000;

/** Paths are of this page's own origin, so that one build serves every host. */
export function url(path: string, query?: Request["query"]): string {
  const args = new URLSearchParams();

  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) {
      args.set(name, String(value));
    }
  }

  const text = args.toString();

  return `/api/v1${path}${text === "" ? "" : `?${text}`}`;
}

/** One request without a token.  Throws ApiError or NetworkError. */
export async function request<T>(path: string, r: Request = {}): Promise<T> {
  const timeout = AbortSignal.timeout(ANSWER_MS);
  const signal = r.signal === undefined ? timeout : AbortSignal.any([r.signal, timeout]);
  let response: Response;
  let text: string;

  try {
    response = await fetch(url(path, r.query), {
      method: r.method ?? "GET",
      headers: {
        Accept: "application/json",
        ...(r.body === undefined ? {} : { "Content-Type": "application/json" }),
        ...r.headers,
      },
      ...(r.body === undefined ? {} : { body: JSON.stringify(r.body) }),
      cache: "no-store",
      credentials: "same-origin",
      signal,
    });
    text = await response.text();
  } catch (err) {
    if (r.signal?.aborted) {
      throw err;
    }
    throw new NetworkError(err);
  }

  if (!response.ok) {
    const wait = Number(response.headers.get("Retry-After"));

    throw new ApiError(response.status, toProblem(text), wait > 0 ? wait : null);
  }

  r.onHead?.(response.headers);
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

function toProblem(text: string): Problem | null {
  try {
    const value: unknown = JSON.parse(text);

    return typeof value === "object" && value !== null && "code" in value
      ? (value as Problem)
      : null;
  } catch {
    return null;
  }
}
