#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Clients that go away at random moments leave the pools clean, and nobody
ever gets somebody else's answer."""

import json
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import procs
import stack
import tap
import wa
import web

API = "/api/v1"
CONV = API + "/conversations"
HOOK = API + "/webhooks/whatsapp"


def main(t):
    for build, total in (("build", tap.size(1500, 10000)),
                         ("build-asan", tap.size(600, 10000))):
        t.head(build)
        with stack.Stack(build=build) as s:
            left(t, s, build + ": ")
            aborts(t, s, build + ": ", total)
            s.check_logs(t)


class Honest(threading.Thread):
    """Asks in between, and knows what it must hear."""

    def __init__(self, s, ten, n):
        super().__init__(daemon=True)
        self.s, self.ten, self.n = s, ten, n
        self.client = s.client(s.token(ten.agent))
        s.say(ten, wa.phone(), "honest %d" % n)
        self.conv = self.client.get(CONV + "?limit=1").json["data"][0]["id"]
        self.going = True
        self.count = 0
        self.wrong = []

    def run(self):
        while self.going:
            self.count += 1
            rid = "honest-%d-%d" % (self.n, self.count)
            h = {"X-Request-Id": rid}
            try:
                text = "own %d %d" % (self.n, self.count)
                r = self.client.post("%s/%s/messages" % (CONV, self.conv),
                                     {"content": text}, headers=h)
                self.want(r, rid, 201, lambda j: j["content"] == text)
                r = self.client.get(CONV + "/" + self.conv, headers=h)
                self.want(r, rid, 200, lambda j: j["id"] == self.conv
                          and j["last_message"] == text)
                r = self.client.get(API + "/auth/me", headers=h)
                self.want(r, rid, 200, lambda j: j.get("user", j)["id"]
                          == self.ten.agent.id)
                r = self.client.get(CONV + "?limit=5", headers=h)
                self.want(r, rid, 200, lambda j: j["data"][0]["id"]
                          is not None)
            except (OSError, web.Closed) as e:
                self.wrong.append(e)

    def want(self, r, rid, status, cond):
        if r.headers.get("x-request-id") != rid:
            self.wrong.append(("another's request id", rid, r.headers))
        elif r.status == 503:
            pass  # a full queue is an honest answer
        elif r.status != status or not cond(r.json):
            self.wrong.append(r)


def rude(s, ten, token, conv, rng):
    """One request that is not waited for."""
    auth = {"Authorization": "Bearer " + token}
    kind = rng.randrange(6)
    if kind == 0:
        data = web.request_bytes("GET", CONV + "?limit=100", auth)
    elif kind == 1:
        data = web.request_bytes(
            "POST", "%s/%s/messages" % (CONV, conv),
            dict(auth, **{"Content-Type": "application/json",
                          "Idempotency-Key": stack.uuid7()}),
            json.dumps({"content": "rude"}).encode())
    elif kind == 2:
        raw = wa.dump(wa.body(wa.value(ten.number, [
            wa.text(wa.phone(), "rude") for _ in range(rng.choice((1, 30)))
        ])))
        data = web.request_bytes("POST", HOOK, {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": wa.sign(s.app_secret, raw)}, raw)
    elif kind == 3:
        data = web.request_bytes("GET", "%s/%s/messages?limit=100"
                                 % (CONV, conv), auth)
    elif kind == 4:
        data = web.request_bytes("POST", API + "/auth/refresh", {
            "Content-Type": "application/json"},
            b'{"refresh_token":"nonsense"}')
    else:
        data = web.request_bytes("GET", API + "/auth/me", auth) * 3
    try:
        conn = web.Conn(s.port)
        if rng.random() < 0.25:
            data = data[:rng.randrange(1, len(data))]
        conn.send(data)
        if rng.random() < 0.8:
            time.sleep(rng.expovariate(1 / 0.004))
        if rng.random() < 0.2:
            conn.sock.settimeout(0.05)
            conn.sock.recv(rng.choice((1, 10, 200)))
        if rng.random() < 0.5:
            conn.reset()
        else:
            conn.close()
    except OSError:
        pass


def left(t, s, name):
    """A client whose FIN comes with its request has left as well: the worker
    meets both in one event and is told nothing more."""
    ten = s.tenants[1]
    token = s.token(ten.agent)
    data = web.request_bytes("GET", CONV, {"Authorization": "Bearer " + token})
    s.client(token).get(CONV)
    before = s.metric("pytake_client_aborts_total")
    db = s.pg.connect()
    db.autocommit = False
    db.cursor().execute("LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE")
    workers = s.nginx.workers()
    for w in workers:
        procs.send(w, signal.SIGSTOP)
    for _ in range(4):
        conn = web.Conn(s.port)
        conn.send(data)
        conn.close()
    for w in workers:
        procs.send(w, signal.SIGCONT)
    try:
        stack.wait_until(lambda: s.metric("pytake_client_aborts_total")
                         - before == 4, 0.9, "the aborts")
        t.ok(True, name + "a FIN that came with the request is noticed")
    except TimeoutError:
        t.ok(False, name + "a FIN that came with the request is noticed",
             s.metric("pytake_client_aborts_total") - before)
    db.rollback()
    db.close()


def aborts(t, s, name, total):
    ten = s.tenants[0]
    s.add_conversations(ten, 200)
    token = s.token(ten.agent)
    s.say(ten, wa.phone(), "x")
    conv = s.client(token).get(CONV + "?limit=1").json["data"][0]["id"]
    honest = [Honest(s, s.add_tenant("Honest %d" % i), i) for i in range(4)]
    workers = s.nginx.workers()
    for _ in range(20):
        s.client(token).get(CONV)
    fds = {w: procs.fd_count(w) for w in workers}
    for h in honest:
        h.start()

    def run(i):
        rng = random.Random(i)
        for _ in range(total // 10):
            rude(s, ten, token, conv, rng)

    web.parallel(10, run)
    for h in honest:
        h.going = False
    for h in honest:
        h.join(20)
    t.ok(not any(h.wrong for h in honest) and all(h.count > 5
                                                  for h in honest),
         "%s%d aborts: honest clients got their own answers, always"
         % (name, total), [(h.count, h.wrong[:2]) for h in honest])

    def idle():
        return all(b[1] == "idle" and b[3] is None for b in s.pg.backends())
    stack.wait_until(idle, 10, "idle backends")
    t.ok(True, name + "no backend is left busy or in a transaction")

    def quiet():
        m = s.metrics()
        busy = {k: v for k, v in m.items() if v and any(
            x in k for x in ("pool_busy", "pool_waiting", "_busy{",
                             "_waiting{", "in_flight"))}
        return not busy or (print("#   " + str(busy)) and False)
    try:
        stack.wait_until(quiet, 5, "quiet pools", every=0.3)
        t.ok(True, name + "the pools say so as well")
    except TimeoutError:
        t.ok(False, name + "the pools say so as well")
    t.ok(s.nginx.workers() == workers, name + "no worker died")

    def settled():
        return all(procs.fd_count(w) <= fds[w] + 12 for w in workers)
    try:
        stack.wait_until(settled, 10, "descriptors")
        t.ok(True, name + "no descriptor is left open")
    except TimeoutError:
        t.ok(False, name + "no descriptor is left open",
             {w: (fds[w], procs.fd_count(w)) for w in workers})
    c = s.client(token)
    rs = [c.get(CONV + "?limit=100") for _ in range(20)]
    t.ok({r.status for r in rs} == {200} and len({r.body for r in rs}) == 1,
         name + "the next requests are right")
    s.check_events(t, ten, name + "the event log is dense")
    dup = s.sql("SELECT whatsapp_message_id FROM messages WHERE tenant_id = "
                "%s AND sender_type = 'contact' GROUP BY 1 HAVING "
                "count(*) > 1", (ten.id,))
    n = s.one("SELECT count(*) FROM messages WHERE tenant_id = %s",
              (ten.id,))
    ev = s.one("SELECT count(*) FROM event_log WHERE tenant_id = %s",
               (ten.id,))
    t.ok(not dup and n == ev, name + "what went through went through whole",
         (n, ev))


tap.run(main)
