/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

export const RETRY_BASE_MS = 500;
export const RETRY_CAP_MS = 30_000;

/**
 * The wait before try number `attempt` (from 0), in milliseconds: exponential
 * with full jitter, so that many clients that lost the same server do not come
 * back at the same moment.  `random` is in [0, 1).
 */
export function backoff(attempt: number, random: number): number {
  const ceiling = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** Math.min(attempt, 16));

  return Math.round(random * ceiling);
}
