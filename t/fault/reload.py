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
import traffic
import wa
import web

CONV = traffic.CONV


def main(t):
    for build in ("build", "build-asan"):
        t.head(build)
        with stack.Stack(build=build) as s:
            reloads(t, s, build + ": ")
            stop(t, s, build + ": ")
            leave(t, s, build + ": ")
            s.check_logs(t, build + ": no alert, no open socket left, no "
                                    "report in the logs")


def reloads(t, s, name):
    load = traffic.Traffic(s, s.tenants[0])
    old = set()
    for _ in range(20):
        old |= set(s.nginx.reload())
        load.more(40, "work after the reload")
    t.ok(len(old) == 20 * s.workers, name + "twenty reloads",
         "%d workers left" % len(old))
    load.check(t, name)
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
