#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Twenty reloads under load: no failed request, no socket left open, old
workers and their database connections gone.  The same under ASan."""

import os
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
    for build in ("build", "build-asan"):
        t.head(build)
        with stack.Stack(build=build) as s:
            reloads(t, s, build + ": ")
            stop(t, s, build + ": ")
            leave(t, s, build + ": ")
            s.check_logs(t, build + ": no alert, no open socket left, no "
                                    "report in the logs")


class Worker(threading.Thread):
    """new: a connection each request; else keep-alive, retrying only a
    closed idle connection."""

    def __init__(self, s, ten, new, conv, token):
        super().__init__(daemon=True)
        self.s, self.ten, self.new, self.conv = s, ten, new, conv
        self.client = s.client(token)
        self.going, self.done, self.bad = True, 0, []
        self.keys, self.wamids = 0, 0

    def run(self):
        while self.going:
            try:
                self.once()
            except (OSError, web.Closed) as e:
                self.bad.append(repr(e))

    def once(self):
        m = wa.text(wa.phone(), "w")
        raw = wa.dump(wa.body(wa.value(self.ten.number, [m])))
        for call, good in (
                (lambda: self.client.get(CONV + "?limit=5"), 200),
                (lambda: self.client.request(
                    "POST", "%s/%s/messages" % (CONV, self.conv),
                    body=b'{"content":"r"}',
                    headers={"Idempotency-Key": stack.uuid7()}), 201),
                (lambda: self.client.post(HOOK, body=raw, headers={
                    "X-Hub-Signature-256": wa.sign(self.s.app_secret,
                                                   raw)}), 200),
                (lambda: self.client.get("/health/live"), 200)):
            r = call()
            self.done += 1
            if r.status != good:
                self.bad.append(repr(r))
            elif good == 201:
                self.keys += 1
            elif call.__code__.co_freevars == ("raw", "self"):
                self.wamids += 1
            if self.new:
                self.client.close()


def reloads(t, s, name):
    ten = s.tenants[0]
    token = s.token(ten.agent)
    s.say(ten, wa.phone(), "hi")
    conv = s.client(token).get(CONV).json["data"][0]["id"]
    start = s.one("SELECT count(*) FROM messages WHERE tenant_id = %s",
                  (ten.id,))
    load = [Worker(s, ten, i % 2 == 0, conv, token) for i in range(8)]
    for w in load:
        w.start()
    stack.wait_until(lambda: all(w.done > 20 for w in load), 30, "the load")
    old = set()
    for _ in range(20):
        before = sum(w.done for w in load)
        old |= set(s.nginx.reload())
        stack.wait_until(lambda: sum(w.done for w in load) > before + 40,
                         30, "work after the reload")
    for w in load:
        w.going = False
    for w in load:
        w.join(30)
    done = sum(w.done for w in load)
    t.ok(len(old) == 20 * s.workers, name + "twenty reloads",
         "%d workers left" % len(old))
    for what, new in (("new connections", True),
                      ("clients that retry a closed idle one", False)):
        bad = [x for w in load if w.new == new for x in w.bad]
        t.ok(not bad, "%sno failed request on %s, of %d" % (name, what, done),
             bad[:5])
    n = s.one("SELECT count(*) FROM messages WHERE tenant_id = %s",
              (ten.id,))
    t.eq(n - start, sum(w.keys + w.wamids for w in load),
         name + "every answer has its row, every row its answer")
    s.check_events(t, ten, name + "the event log is dense")
    for w in load:
        w.client.close()
    try:
        stack.wait_until(lambda: not any(procs.is_alive(p) for p in old), 40,
                         "the old workers' end")
        t.ok(True, name + "old workers are gone")
    except TimeoutError:
        t.ok(False, name + "old workers are gone",
             [(p, procs.title(p)) for p in old if procs.is_alive(p)])
    pids = s.nginx.workers()
    t.eq(len(pids), s.workers, name + "as many workers as configured")

    def ours():
        """Sockets of the workers that live to PostgreSQL's port."""
        return sum(connections(p, s.pg.port) for p in pids)
    stack.wait_until(lambda: len(s.pg.backends()) == ours(), 10,
                     "the end of old connections")
    t.ok(len(s.pg.backends()) <= s.workers * 8,
         name + "their database connections are gone", s.pg.backends())


def connections(pid, port):
    """Established TCP connections of a process to a local port."""
    inodes = set()
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            link = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        except OSError:
            continue
        if link.startswith("socket:["):
            inodes.add(link[8:-1])
    n = 0
    with open("/proc/net/tcp") as f:
        for line in f.readlines()[1:]:
            p = line.split()
            if (p[3] == "01" and int(p[2].split(":")[1], 16) == port
                    and p[9] in inodes):
                n += 1
    return n


def held(s, ten):
    """A write that waits for a lock, and readers that do not read.  Gives
    what ends them."""
    token = s.token(ten.agent)
    s.add_conversations(ten, 100)
    conv = s.client(token).get(CONV).json["data"][0]["id"]
    auth = {"Authorization": "Bearer " + token}
    db = s.pg.connect()
    db.autocommit = False
    db.cursor().execute("UPDATE tenant_event_head SET seq = seq WHERE "
                        "tenant_id = %s", (ten.id,))
    conns = [web.Conn(s.port) for _ in range(12)]
    for c in conns[:4]:
        c.send(web.request_bytes(
            "POST", "%s/%s/messages" % (CONV, conv),
            dict(auth, **{"Content-Type": "application/json"}),
            b'{"content":"held"}'))
    for c in conns[4:]:
        c.sock.setblocking(False)
        data = web.request_bytes("GET", CONV + "?limit=100", auth) * 400
        try:
            while data:
                data = data[c.sock.send(data):]
        except BlockingIOError:
            pass
    stack.wait_until(lambda: s.one(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
        "'Lock'"), 10, "a held write")

    def done():
        for c in conns:
            c.close()
        db.rollback()
        db.close()
    return done


def stop(t, s, name):
    """A fast end while work is in flight: nobody waits for it."""
    ten = s.tenants[0]
    done = held(s, ten)
    old = s.nginx.workers()
    for pid in old:
        procs.send(pid, signal.SIGTERM)
    t.ok(gone(old, 3), name + "SIGTERM ends a worker with work in flight",
         [procs.title(p) for p in old])
    done()
    stack.wait_until(lambda: len(s.nginx.workers()) == s.workers, 10,
                     "other workers")
    done = held(s, ten)
    s.nginx.stop()
    done()
    t.ok(not s.nginx.log_lines(r"exited on signal"),
         name + "and a stop of all needs no SIGKILL",
         s.nginx.log_lines(r"exited on signal"))
    s.nginx.start()


def gone(pids, seconds):
    try:
        stack.wait_until(lambda: not any(procs.is_alive(p) for p in pids),
                         seconds, "the end")
        return True
    except TimeoutError:
        for p in pids:
            procs.send(p, signal.SIGKILL)
        return False


def leave(t, s, name):
    """A graceful end while work is in flight: it is answered."""
    ten = s.tenants[1]
    token = s.token(ten.agent)
    s.say(ten, wa.phone(), "hi")
    conv = s.client(token).get(CONV).json["data"][0]["id"]
    db = s.pg.connect()
    db.autocommit = False
    db.cursor().execute("UPDATE tenant_event_head SET seq = seq WHERE "
                        "tenant_id = %s", (ten.id,))
    got = []

    def wait():
        c = s.client(token)
        got.append(c.post("%s/%s/messages" % (CONV, conv),
                          {"content": "held"}))

    th = threading.Thread(target=wait, daemon=True)
    th.start()
    stack.wait_until(lambda: s.one(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
        "'Lock'"), 10, "a held write")
    began = time.monotonic()
    ended = []
    q = threading.Thread(target=lambda: ended.append(s.nginx.quit(20)),
                         daemon=True)
    q.start()
    stack.wait_until(lambda: all("shutting down" in procs.title(p)
                                 for p in s.nginx.workers()), 5, "the exit")
    db.rollback()
    db.close()
    th.join(10)
    q.join(25)
    t.ok(ended == [True], name + "SIGQUIT ends it by itself",
         s.nginx.workers())
    t.ok(len(got) == 1 and got[0].status in (201, 503),
         name + "and what was in flight was answered", got)
    t.ok(time.monotonic() - began < 10, name + "in time")
    stack.wait_until(lambda: not s.pg.backends(), 10, "no connection left")
    t.ok(True, name + "no database connection is left")


tap.run(main)
