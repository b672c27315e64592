# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The webhooks that the simulator sends."""

import hashlib
import heapq
import hmac
import http.client
import itertools
import random
import threading
import time
import urllib.parse

SENDERS = 8          # threads that deliver webhooks
RETRY_MAX_S = 3600   # the longest pause between two tries


class Webhooks:
    """Sends signed webhooks, in time order, with retries."""

    def __init__(self, url, secret):
        self.url = urllib.parse.urlsplit(url)
        self.secret = secret
        self.heap = []
        self.order = itertools.count()
        self.cond = threading.Condition()
        self.delivered = 0
        self.failed_tries = 0
        self.in_flight = 0
        self.retry_ms = 500
        for _ in range(SENDERS):
            threading.Thread(target=self.run, daemon=True).start()

    def add(self, body, after_s=0.0):
        with self.cond:
            self.push(body, after_s, 0)

    def push(self, body, after_s, tries):
        heapq.heappush(self.heap, (time.monotonic() + after_s,
                                   next(self.order), tries, body))
        self.cond.notify()

    def pending(self):
        with self.cond:
            return len(self.heap) + self.in_flight

    def run(self):
        conn = None
        while True:
            with self.cond:
                while True:
                    wait = None
                    if self.heap:
                        wait = self.heap[0][0] - time.monotonic()
                        if wait <= 0:
                            break
                    self.cond.wait(wait)
                _, _, tries, body = heapq.heappop(self.heap)
                self.in_flight += 1
            ok = False
            try:
                conn, ok = self.post(conn, body)
            finally:
                self.done(body, tries, ok)

    def done(self, body, tries, ok):
        """Counted and, if it failed, to be tried again: at once, so that it
        is pending without a gap."""
        with self.cond:
            self.in_flight -= 1
            if ok:
                self.delivered += 1
                return
            self.failed_tries += 1
            pause = min(self.retry_ms / 1000.0 * (2 ** min(tries, 12)),
                        RETRY_MAX_S)
            self.push(body, pause * random.uniform(0.7, 1.3), tries + 1)

    def post(self, conn, body):
        mac = hmac.new(self.secret, body, hashlib.sha256).hexdigest()
        for attempt in (0, 1):
            try:
                if conn is None:
                    conn = http.client.HTTPConnection(
                        self.url.hostname, self.url.port or 80, timeout=20)
                    fresh = True
                else:
                    fresh = False
                conn.request("POST", self.url.path, body, {
                    "Content-Type": "application/json",
                    "X-Hub-Signature-256": "sha256=" + mac})
                answer = conn.getresponse()
                answer.read()
                return conn, answer.status == 200
            except (OSError, http.client.HTTPException):
                conn.close()
                conn = None
                if fresh or attempt == 1:
                    return None, False
        return None, False
