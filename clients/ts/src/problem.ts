/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

import type { components } from "./schema.gen.ts";

/** The body of an error (RFC 9457), as the server sends it. */
export type Problem = components["schemas"]["Problem"];

/** What is wrong with one field of a body or with one argument of a query. */
export type FieldError = NonNullable<Problem["errors"]>[number];

/**
 * The server answered, and refused.  Requests that got no answer at all reject
 * with what `fetch` threw: a `TypeError`, or an `AbortError` of your signal.
 */
export class ApiError extends Error {
  /** The HTTP status. */
  readonly status: number;
  /**
   * The problem's stable code, for programs.  It is `http_` and the status when
   * something else than PyTake answered, a proxy for example.
   */
  readonly code: string;
  /** Every fault of the request's fields; it is empty when it is not about fields. */
  readonly errors: readonly FieldError[];
  /** The id that the server's log has of this request, or null. */
  readonly requestId: string | null;
  /** The number of seconds that the server asks to wait before another try, or null. */
  readonly retryAfter: number | null;

  /** `body` is the answer's body after JSON was parsed, or its text. */
  constructor(response: Response, body: unknown) {
    const problem = toProblem(body);
    const wait = Number(response.headers.get("Retry-After"));

    super(problem?.detail ?? `HTTP ${response.status}`);
    this.name = "ApiError";
    this.status = response.status;
    this.code = problem?.code ?? `http_${response.status}`;
    this.errors = problem?.errors ?? [];
    this.requestId = problem?.request_id ?? response.headers.get("X-Request-Id");
    this.retryAfter = wait > 0 ? wait : null;
  }
}

function toProblem(body: unknown): Problem | null {
  return typeof body === "object" && body !== null && "code" in body && "request_id" in body
    ? (body as Problem)
    : null;
}
