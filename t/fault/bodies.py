#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Bodies that do not come: what a header tells is said before a byte of the
body, who was refused is not listened to for long, and what strangers begin
costs neither memory nor disk without bound."""

import os
import resource
import select
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import stack
import tap
import wa
import web

API = "/api/v1"
CONV = API + "/conversations"
HOOK = API + "/webhooks/whatsapp"
JSON = {"Content-Type": "application/json"}
MIB = 1 << 20
ROOM = 64 * MIB          # above idle, of all workers together
BODY_S = 3               # of a body that is read
LARGE = 8                # webhooks of a network, in each worker
TOGETHER = 512           # webhooks of all, in each worker
WRONG = "sha256=" + "0" * 64


def main(t):
    resource.setrlimit(resource.RLIMIT_NOFILE, (
        resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with stack.Stack(conf_edit=patience) as s:
        for part in (memory, webhooks, crowds, judged, read, unread, chunks,
                     trickles, office, killed):
            t.head(part.__name__)
            part(t, s)
        s.check_logs(t)


def patience(name, text):
    """One that a test can wait for."""
    if name == "pytake-locations.conf":
        return text.replace("pytake on;", "pytake on;\n"
                            "    pytake_body_timeout %ds;" % BODY_S, 1)
    return text


def head(method, target, headers, token=None):
    h = dict(headers)
    if token:
        h["Authorization"] = "Bearer " + token
    return web.request_bytes(method, target, h)


def judged(t, s):
    """The header alone is sent; what it tells is the answer."""
    ten = s.tenants[0]
    good = s.token(ten.agent)
    viewer = s.token(s.add_user(ten, "viewer"))
    old = s.token(ten.agent, lifetime=-60)
    forged = s.token(ten.agent, secret="x" * 40)
    msgs = "%s/%s/messages" % (CONV, stack.uuid7())
    long = {"Content-Length": "1000", **JSON}
    asks = (
        ("no such route", "POST", API + "/nope", long, None,
         404, "route_not_found"),
        ("another verb", "PUT", msgs, long, good, 405, "method_not_allowed"),
        ("no token", "POST", msgs, long, None, 401, "unauthorized"),
        ("a forged token", "POST", msgs, long, forged, 401, "invalid_token"),
        ("an old token", "POST", msgs, long, old, 401, "token_expired"),
        ("a viewer", "POST", msgs, long, viewer, 403, "forbidden"),
        ("text", "POST", msgs, {**long, "Content-Type": "text/plain"}, good,
         415, "unsupported_media_type"),
        ("too long", "POST", msgs, {**JSON, "Content-Length": "1048577"},
         good, 413, "body_too_large"),
        ("too long and no token", "POST", msgs,
         {**JSON, "Content-Length": "1048577"}, None, 401, "unauthorized"),
        ("in chunks and no token", "POST", msgs,
         {**JSON, "Transfer-Encoding": "chunked"}, None,
         401, "unauthorized"),
        ("a login of 8 kB", "POST", API + "/auth/login",
         {**JSON, "Content-Length": "8193"}, None, 413, "body_too_large"),
        ("a refresh of 8 kB", "POST", API + "/auth/refresh",
         {**JSON, "Content-Length": "8193"}, None, 413, "body_too_large"),
        ("a webhook without signature", "POST", HOOK, long, None,
         401, "invalid_signature"),
        ("a webhook with half a one", "POST", HOOK,
         {**long, "X-Hub-Signature-256": "sha256=00"}, None,
         401, "invalid_signature"),
        ("a webhook that is too long", "POST", HOOK,
         {"Content-Length": "4194305"}, None, 413, "body_too_large"),
    )
    for what, method, target, headers, token, status, code in asks:
        for expect in (False, True):
            c = web.Conn(s.port)
            h = {**headers, **({"Expect": "100-continue"} if expect else {})}
            c.send(head(method, target, h, token))
            raw = first(c)
            r = c.read(method)
            t.eq((r.status, r.code), (status, code),
                 what + (", Expect: 100-continue" if expect else ""))
            if expect:
                t.ok(not raw.startswith(b"HTTP/1.1 100"),
                     "... and not asked to go on", raw[:40])
            c.sock.close()


def first(c):
    while b"\r\n" not in c.buf:
        c._fill()
    return c.buf


def read(t, s):
    """Who may is asked for the body, and it is read whole: in memory, in a
    file, in pieces."""
    ten = s.tenants[0]
    token = s.token(ten.agent)
    s.say(ten, wa.phone(), "hi")
    conv = s.client(token).get(CONV).json["data"][0]["id"]
    msgs = "%s/%s/messages" % (CONV, conv)
    for size in (100, 15000, 17000, 70000, 900000):
        body = (b'{"content":"x"' + b" " * (size - 15) + b"}")
        c = web.Conn(s.port)
        c.send(head("POST", msgs, {
            **JSON, "Content-Length": str(len(body)),
            "Expect": "100-continue"}, token))
        t.ok(first(c).startswith(b"HTTP/1.1 100"), "%d bytes: go on" % size)
        for i in range(0, len(body), 30000):
            c.send(body[i:i + 30000])
        r = c.read("POST")
        t.eq(r.status, 201, "... and are taken")
        r = c.request("GET", API + "/auth/me",
                      {"Authorization": "Bearer " + token})
        t.eq(r.status, 200, "... and the connection goes on")
        c.sock.close()


def unread(t, s):
    """What reads no body answers without it; what follows on the connection
    is a request again."""
    token = s.token(s.tenants[0].agent)
    for target, headers in (
            ("/health", {}), ("/health/live", {}), ("/metrics", {}),
            (CONV, {"Authorization": "Bearer " + token}),
            (HOOK + "?hub.mode=subscribe&hub.challenge=1&hub.verify_token="
             + s.verify_token, {})):
        c = web.Conn(s.port)
        c.send(web.request_bytes("GET", target,
                                 {**headers, "Content-Length": "10"}))
        r = c.read()
        t.eq(r.status, 200, "GET %s, its body unsent" % target.split("?")[0])
        c.send(b"0123456789" + web.request_bytes("GET", "/health/live"))
        t.eq(c.read().status, 200, "... and what follows the body")
        c.sock.close()


def chunks(t, s):
    """A length that is not told is counted: the route's limit holds."""
    c = web.Conn(s.port)
    c.send(head("POST", API + "/auth/login",
                {**JSON, "Transfer-Encoding": "chunked"}))
    c.send(b"2000\r\n" + b"x" * 8192 + b"\r\n1\r\nx\r\n")
    r = c.read("POST")
    t.eq((r.status, r.code), (413, "body_too_large"),
         "a login in chunks ends past 8 kB")
    c.sock.close()
    c = web.Conn(s.port)
    c.send(head("POST", API + "/auth/login",
                {**JSON, "Transfer-Encoding": "chunked"}))
    c.send(b"2\r\n{}\r\n0\r\n\r\n")
    t.eq(c.read("POST").status, 422, "a short one is read")
    c.sock.close()


def trickles(t, s):
    """A byte now and then holds nothing for long."""
    token = s.token(s.tenants[0].agent)
    long = {**JSON, "Content-Length": "100000"}
    ways = (
        ("no token", head("POST", CONV, long)),
        ("no token, in chunks", head("POST", CONV, {
            **JSON, "Transfer-Encoding": "chunked"}) + b"186a0\r\n"),
        ("a token", head("POST", CONV, long, token)),
        ("a login", head("POST", API + "/auth/login",
                         {**JSON, "Content-Length": "8000"})),
        ("a signature", head("POST", HOOK, {
            **long, "X-Hub-Signature-256": WRONG})),
        ("a GET", web.request_bytes("GET", "/health/live", long)),
    )
    socks = {}
    for what, data in ways:
        c = web.Conn(s.port)
        c.send(data)
        socks[c.sock] = what
    began = time.monotonic()
    took = {}
    while socks and time.monotonic() - began < 60:
        for c in list(socks):
            try:
                c.send(b"x")
            except OSError:
                took[socks.pop(c)] = time.monotonic() - began
        for c in select.select(list(socks), [], [], 0.3)[0]:
            try:
                if not c.recv(65536):
                    took[socks.pop(c)] = time.monotonic() - began
            except OSError:
                took[socks.pop(c)] = time.monotonic() - began
    for what, _ in ways:
        # 5 s after a refusal, BODY_S of a body that is read; the rest is
        # what a busy machine takes
        t.ok(took.get(what, 99) < 20, "a trickle ends: " + what,
             took.get(what))


def office(t, s):
    """Many people behind one address: sockets are not counted."""
    ten = s.tenants[0]
    s.serve(name="hub", roles="hub")
    stack.wait_until(lambda: s.client().get("/health").json["services"]
                     ["websocket"], 20, "the hub")
    tokens = [s.token(s.add_user(ten)) for _ in range(60)]
    socks, refused = [], []
    for i in range(600):
        c = web.Conn(s.port)
        c.send(web.request_bytes("GET", CONV + "/ws", {
            "Upgrade": "websocket", "Connection": "upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Authorization": "Bearer " + tokens[i % len(tokens)]}))
        socks.append(c)
    for c in socks:
        raw = first(c)
        if not raw.startswith(b"HTTP/1.1 101"):
            refused.append(raw[:60])
    t.eq(refused, [], "600 sockets of 60 people at one address")
    t.eq(s.client(tokens[0]).get(CONV).status, 200, "and they read")
    for c in socks:
        c.sock.close()


# -- what is held --

def pss(s):
    total = 0
    for pid in s.nginx.workers():
        with open("/proc/%d/smaps_rollup" % pid) as f:
            for line in f:
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def disk(s):
    """Bodies in files, which have no name any more."""
    total = 0
    for pid in s.nginx.workers():
        top = "/proc/%d/fd/" % pid
        for fd in os.listdir(top):
            try:
                if "/client_body/" in os.readlink(top + fd):
                    total += os.stat(top + fd).st_blocks * 512
            except FileNotFoundError:
                pass
    return total


def begin(s, n, request, body, networks):
    """n requests, each a byte short, from as many addresses; every one is
    sent as far as the server takes it.  Gives the sockets and the largest
    memory and disk on the way."""
    socks, top = [], [pss(s), disk(s)]
    for i in range(n):
        c = socket.socket()
        c.bind(("127.0.%d.%d" % (1 + i % networks // 250,
                                 1 + i % networks % 250), 0))
        c.setblocking(False)
        c.connect_ex(("127.0.0.1", s.port))
        socks.append(c)
    left = {c: memoryview(request + body[:-1]) for c in socks}
    answers = {}
    looked = 0.0
    idle = 0
    while idle < 3:
        poll = select.poll()
        for c in socks:
            poll.register(c, select.POLLIN
                          | (select.POLLOUT if c in left else 0))
        by = {c.fileno(): c for c in socks}
        got = poll.poll(1000)
        idle = 0 if got else idle + 1
        for fd, what in got:
            c = by[fd]
            try:
                if what & select.POLLOUT:
                    left[c] = left[c][c.send(left[c][:65536]):]
                    if not left[c]:
                        del left[c]
                if what & ~select.POLLOUT:
                    data = c.recv(65536)
                    answers[c] = answers.get(c, data)
                    if data:
                        continue
                    raise ConnectionResetError
            except BlockingIOError:
                pass
            except OSError:
                socks.remove(c)
                left.pop(c, None)
                c.close()
        if time.monotonic() - looked > 0.5 or idle:
            top = [max(a, b) for a, b in zip(top, (pss(s), disk(s)))]
            looked = time.monotonic()
        if not socks:
            break
    return socks, top, [int(a[9:12]) for a in answers.values() if a[9:12]]


def memory(t, s):
    """As many tokenless posts as a stranger likes, each a byte short."""
    n = tap.size(600, 5000)
    body = b"x" * tap.size(256 * 1024, 64 * 1024)
    idle = pss(s)
    for name, method, target, status in (
            ("messages", "POST", CONV, 401),
            ("webhooks without signature", "POST", HOOK, 401),
            ("lists with a body", "GET", CONV, 401),
            ("bodies for nobody", "POST", API + "/nope", 404)):
        request = head(method, target, {
            **JSON, "Content-Length": str(len(body))})
        socks, top, said = begin(s, n, request, body, n)
        t.ok(said.count(status) == len(said) and len(said) >= n * 9 // 10,
             "%d unfinished %s are answered %d" % (n, name, status),
             sorted((x, said.count(x)) for x in set(said)))
        t.ok(top[0] - idle < ROOM, "... within 64 MB of idle",
             "%.1f MB above %.1f MB" % ((top[0] - idle) / MIB, idle / MIB))
        t.head("%.1f MB above %.1f MB" % ((top[0] - idle) / MIB, idle / MIB))
        t.eq(top[1], 0, "... and nothing on disk")
        for c in socks:
            c.close()


def webhooks(t, s):
    """With a signature that might be one, they must be read: so many at a
    time, and a stranger's do not keep out WhatsApp's."""
    ten = s.tenants[0]
    body = b"x" * (3 << 20)
    request = head("POST", HOOK, {
        "X-Hub-Signature-256": WRONG, "Content-Length": str(len(body))})
    idle = pss(s)
    done, good = threading.Event(), []

    def whatsapp():
        while not done.is_set():
            good.append(s.say(ten, wa.phone()))
            done.wait(0.2)

    other = threading.Thread(target=whatsapp)
    other.start()
    socks, top, said = begin(s, 60, request, body, 1)
    done.set()
    other.join()
    t.ok(top[1] < LARGE * s.workers * 4 * MIB, "60 unfinished webhooks of one"
         " address take no more disk than is allowed",
         "%.1f MB" % (top[1] / MIB))
    t.ok(top[0] - idle < ROOM, "... and 64 MB of memory",
         "%.1f MB" % ((top[0] - idle) / MIB))
    t.ok(said.count(503) >= 60 - LARGE * s.workers,
         "... those above the limit are told so",
         sorted((x, said.count(x)) for x in set(said)))
    t.ok(len(good) > 3, "... and WhatsApp's are taken", len(good))
    for c in socks:
        c.close()
    stack.wait_until(lambda: disk(s) == 0, 20, "the disk is free again")
    t.ok(True, "... and the disk is free again")


def crowds(t, s):
    """A few networks that are slow take all places there are: WhatsApp gets
    one of theirs."""
    n = TOGETHER * s.workers
    body = b"x" * 20000
    request = head("POST", HOOK, {
        "X-Hub-Signature-256": WRONG, "Content-Length": str(len(body))})
    done, said = threading.Event(), []

    def whatsapp():
        number = s.tenants[0].number
        while not done.is_set():
            said.append(s.hook(wa.body(wa.value(
                number, [wa.text(wa.phone())]))).status)
            done.wait(0.1)

    other = threading.Thread(target=whatsapp)
    other.start()
    socks, top, answers = begin(s, n * 5 // 4, request, body, 4)
    done.set()
    other.join()
    t.ok(503 in answers, "%d slow webhooks of four addresses are too many"
         % (n * 5 // 4), sorted((x, answers.count(x)) for x in set(answers)))
    t.eq({x: said.count(x) for x in set(said)}, {200: len(said)},
         "... and WhatsApp's are taken, each of them")
    t.ok(top[1] < n * 32768, "... on no more disk than is allowed", top[1])
    for c in socks:
        c.close()
    stack.wait_until(lambda: disk(s) == 0, 20, "the disk is free again")
    t.ok(s.say(s.tenants[0], wa.phone()), "... and the places are, too")


def killed(t, s):
    """What a worker had under way when it was killed is so no more."""
    n = LARGE * s.workers
    request = head("POST", HOOK, {
        "X-Hub-Signature-256": WRONG, "Content-Length": "200000"})

    def refused():
        socks, _, said = begin(s, 2 * n, request, b"x" * 200000, 1)
        return socks, said.count(503)

    for _ in range(3):
        socks, no = refused()
        t.ok(n <= no < 2 * n, "some of %d are refused" % (2 * n), no)
        for pid in s.nginx.workers(exiting=False):
            s.nginx.kill_worker(pid)
        for c in socks:
            c.close()
        stack.wait_until(lambda: len(s.nginx.workers(exiting=False))
                         == s.workers, 20, "new workers")
    t.ok(s.say(s.tenants[0], wa.phone()),
         "every worker died three times: WhatsApp is let in")


tap.run(main)
