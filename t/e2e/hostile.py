#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Clients that want no good, through NGINX and straight on the hub's unix
socket: each ends with the right code, while a well-behaved one has its events
without delay and the hub's memory stays where it was."""

import atexit
import base64
import json
import multiprocessing
import os
import resource
import select
import signal
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import procs
import stack
import tap
import web
from procs import wait_until

PATH = "/api/v1/conversations/ws"
PING_S, PONG_S, HEADER_S = 1, 3, 3
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
EVENTS = 1600           # of 5 kB
STALLED = 20
STALLED_KB = 2 * 1024   # what they may cost, all together
GROWTH_KB = 4 * 1024    # of the hub by all who come after them
TOTAL_KB = 48 * 1024    # and by everything: 32 MB are its pages of the log
CLOSE_S = 5             # the hub's patience for an answer to its close
CONNECTS = 5000


def main(t):
    with stack.Stack(conf_edit=header_timeout) as s:
        h = s.serve(name="hub", env={
            "WEBSOCKET_PING_INTERVAL": "%ds" % PING_S,
            "WEBSOCKET_PONG_TIMEOUT": "%ds" % PONG_S})
        ways = [Way(s, None), Way(s, h.socket)]
        meter = Meter(s)
        base = meter.take(30)
        t.note("without them: median %.1f ms, worst %.1f ms"
               % (web.percentile(base, 50), max(base)))
        total = Rss(h.proc.pid)
        slow = [Later(f, t, w) for f in (handshake, stubborn) for w in ways]
        flow(s, s.add_tenant("Flow"), ways[0])
        stall = Stall(t, s, h, ways, procs.rss_kb(h.proc.pid) - total.first)
        rss = Rss(h.proc.pid)
        for part in (frames, fragments, utf8, trickle, floods, silence,
                     connects):
            for way in ways:
                t.head("%s, %s" % (part.__name__, way.name))
                part(t, s, h, way)
        for x in slow:
            x.join()
        stall.check()
        if not s.asan:  # which keeps what was freed
            rss.check(t, GROWTH_KB, "by all who came after that")
            total.check(t, TOTAL_KB, "by everything")
        calm(t, base, meter.take(1), meter)
        t.ok(h.proc.poll() is None and "Sanitizer" not in h.words()
             and "runtime error" not in h.words(),
             "the hub has lived through it", h.words)
        s.check_logs(t)


def header_timeout(name, text):
    """A patience that a test can wait for."""
    if name == "nginx.conf":
        return text.replace("keepalive_timeout",
                            "client_header_timeout %ds;\n"
                            "    keepalive_timeout" % HEADER_S)
    return text


class Way:
    """How the hub is reached."""

    def __init__(self, s, path):
        self.s, self.path = s, path
        self.name = "directly" if path else "through NGINX"

    def dial(self, rcvbuf=None, source=None):
        c = socket.socket(socket.AF_UNIX if self.path else socket.AF_INET)
        c.settimeout(20)
        if rcvbuf:
            c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if source and not self.path:
            c.bind((source, 0))
        c.connect(self.path or ("127.0.0.1", self.s.port))
        if not self.path:
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return c


def request(token=None):
    return ("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: %s\r\n%s\r\n"
            % (PATH, base64.b64encode(os.urandom(16)).decode(),
               "Authorization: Bearer %s\r\n" % token if token else "")
            ).encode()


def frame(op, data=b"", fin=True, rsv=0, masked=True, size=None):
    """A frame; size: what its header claims, in that many bytes."""
    n = len(data)
    if size is not None:
        width, n = size
    else:
        width = 1 if n < 126 else 3 if n < 65536 else 9
    head = struct.pack("!B", (0x80 if fin else 0) | rsv << 4 | op)
    bit = 0x80 if masked else 0
    if width == 1:
        head += struct.pack("!B", bit | n)
    elif width == 3:
        head += struct.pack("!BH", bit | 126, n)
    else:
        head += struct.pack("!BQ", bit | 127, n)
    if not masked:
        return head + data
    mask = os.urandom(4)
    many = mask * (len(data) // 4 + 1)
    return head + mask + bytes(a ^ b for a, b in zip(data, many))


class Raw:
    """A WebSocket by hand."""

    def __init__(self, way, token=None, rcvbuf=None, source=None):
        self.sock, self.buf = way.dial(rcvbuf, source), b""
        self.send(request(token))
        self.status = self.head()

    def head(self):
        while b"\r\n\r\n" not in self.buf:
            if not self.more():
                return None
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        self.headers = head.decode().lower()
        return int(head.split(b" ", 2)[1])

    def more(self):
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            return False
        self.buf += data
        return bool(data)

    def send(self, data):
        """All of it, or what it takes before it is cut off."""
        try:
            self.sock.sendall(data)
            return True
        except (ConnectionResetError, BrokenPipeError):
            return False

    def need(self, n):
        while len(self.buf) < n:
            if not self.more():
                return False
        return True

    def next(self):
        """The next frame (op, payload); None at the end."""
        if not self.need(2):
            return None
        op, n, at = self.buf[0] & 15, self.buf[1] & 127, 2
        if n > 125:
            at = 4 if n == 126 else 10
            if not self.need(at):
                return None
            n = int.from_bytes(self.buf[2:at], "big")
        if not self.need(at + n):
            return None
        data, self.buf = self.buf[at:at + n], self.buf[at + n:]
        return op, data

    def told(self, kind):
        """The next JSON frame of that type."""
        while True:
            f = self.next()
            if f is None or f[0] == CLOSE:
                raise RuntimeError("no %s: %r" % (kind, f))
            if f[0] == PING:
                self.send(frame(PONG, f[1]))
            elif f[0] == TEXT:
                m = json.loads(f[1])
                if (m.get("type") or m.get("event")) == kind:
                    return m

    def code(self):
        """The close code that ends it, 1006 without one."""
        code = 1006
        while True:
            f = self.next()
            if f is None:
                self.sock.close()
                return code
            if f[0] == CLOSE:
                code = struct.unpack("!H", f[1][:2])[0] if f[1] else 1005
                self.send(frame(CLOSE, f[1][:2]))
                self.sock.close()
                return code

    def auth(self, token):
        self.say({"type": "auth", "token": token})
        return self.told("auth_success")

    def say(self, m):
        return self.send(frame(TEXT, json.dumps(m).encode()))


class Later(threading.Thread):
    """Runs beside the rest; what it raises is raised by join()."""

    def __init__(self, f, *args):
        super().__init__(daemon=True)
        self.f, self.args, self.error = f, args, None
        self.start()

    def run(self):
        try:
            self.f(*self.args)
        except BaseException as e:
            self.error = e

    def join(self, timeout=60):
        super().join(timeout)
        if self.is_alive():
            raise TimeoutError(self.f.__name__)
        if self.error:
            raise self.error


class Meter:
    """A well-behaved client in a process of its own: how many milliseconds
    a customer's word needs from webhook to socket."""

    def __init__(self, s):
        self.tenant = s.tenants[0]
        self.token = s.token(self.tenant.agent, lifetime=86400)
        self.pipe, theirs = multiprocessing.Pipe()
        self.proc = multiprocessing.get_context("fork").Process(
            target=self.work, args=(s, theirs), daemon=True)
        self.proc.start()

    def work(self, s, pipe):
        atexit._clear()  # the stack is the parent's
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            raw = Raw(Way(s, None))
            raw.auth(self.token)
            took, n = [], 0
            while True:
                n += 1
                began = time.monotonic()
                s.say(self.tenant, "15550009", "m%d" % n)
                got = raw.told("message_received")
                took.append((time.monotonic() - began) * 1000)
                if got["seq"] != n:
                    raise RuntimeError("seq %s is not %d" % (got["seq"], n))
                if pipe.poll(0.05):
                    pipe.recv()
                    pipe.send(took)
                    took = []
        except BaseException as e:
            pipe.send(repr(e))

    def take(self, n):
        """What was measured since the last time, n at the least."""
        took = []
        while True:
            self.pipe.send(None)
            if not self.pipe.poll(30):
                raise TimeoutError("the well-behaved client")
            part = self.pipe.recv()
            if isinstance(part, str):
                raise RuntimeError("the well-behaved client: " + part)
            took += part
            if len(took) >= n:
                return took


def calm(t, base, took, meter):
    usual = web.percentile(base, 90)
    now = web.percentile(took, 90)
    t.note("with them: %d events, median %.1f ms, p90 %.1f ms, worst %.1f ms"
           % (len(took), web.percentile(took, 50), now, max(took)))
    t.ok(len(took) >= 30 and now < 5 * usual + 250,
         "the well-behaved client is not delayed: p90 %.1f ms, was %.1f ms"
         % (now, usual))
    t.ok(max(took) < 5000, "nor ever held up: %.1f ms" % max(took))
    t.ok(meter.proc.is_alive(), "and misses nothing")


class Rss(threading.Thread):
    """The hub's memory, looked at all the time."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.first = pid, procs.rss_kb(pid)
        self.peak = self.first
        self.start()

    def run(self):
        while True:
            self.peak = max(self.peak, procs.rss_kb(self.pid))
            time.sleep(0.02)

    def check(self, t, limit, what):
        more = self.peak - self.first
        t.ok(more < limit, "the hub grew by %d kB %s" % (more, what))


def ends(t, way, what, want, *parts):
    """A socket that nobody knows yet sends that, and is closed."""
    c = Raw(way)
    for data in parts:
        if not c.send(data):
            break
    t.eq(c.code(), want, "%s: %s: %d" % (way.name, what, want))


def frames(t, s, h, way):
    for what, want, data in (
            ("16 KB and one byte", 1009, frame(TEXT, b"x" * 16385)),
            ("a frame said to be 2^40 long", 1009,
             frame(TEXT, size=(9, 2 ** 40))),
            ("2^63 long", 1002, frame(TEXT, size=(9, 2 ** 63))),
            ("a length longer than need be", 1002,
             frame(TEXT, b"hi", size=(3, 2))),
            ("unmasked", 1002, frame(TEXT, b"{}", masked=False)),
            ("RSV1", 1002, frame(TEXT, b"{}", rsv=4)),
            ("RSV2", 1002, frame(TEXT, b"{}", rsv=2)),
            ("RSV3", 1002, frame(PING, b"", rsv=1)),
            ("binary", 1003, frame(BINARY, b"{}")),
            ("a ping of 126", 1002, frame(PING, b"x" * 126)),
            ("a ping in fragments", 1002, frame(PING, b"x", fin=False)),
            ("a close of 1 byte", 1002, frame(CLOSE, b"\x03")),
            ("a close with 1005", 1002, frame(CLOSE, b"\x03\xed")),
            ("a close with 999", 1002, frame(CLOSE, b"\x03\xe7")),
            ("a close whose reason is no UTF-8", 1007,
             frame(CLOSE, b"\x03\xe8\xff")),
            ("an empty close", 1000, frame(CLOSE)),
            ("brackets, thrice", 4001, frame(TEXT, b"[" * 16000) * 3)):
        ends(t, way, what, want, data)
    for op in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        ends(t, way, "opcode %d" % op, 1002, frame(op, b"x"))


def fragments(t, s, h, way):
    ends(t, way, "10,000 fragments", 1008, frame(TEXT, b"{", fin=False),
         *[frame(CONT, b" ", fin=False) * 100 for _ in range(100)])
    ends(t, way, "10,000 empty fragments", 1008, frame(TEXT, fin=False),
         frame(CONT, fin=False) * 10000)
    ends(t, way, "16 KB in fragments", 1009,
         *[frame(CONT if i else TEXT, b" " * 1000, fin=False)
           for i in range(17)])
    ends(t, way, "a continuation of nothing", 1002, frame(CONT, b"x"))
    ends(t, way, "a message inside a message", 1002,
         frame(TEXT, b"{", fin=False) + frame(TEXT, b"{}"))
    c = Raw(way)
    c.send(frame(TEXT, b'{"type"', fin=False) + frame(PING, b"between")
           + frame(CONT, b':"pi', fin=False) + frame(CONT, b'ng"}'))
    t.eq((c.next(), json.loads(c.next()[1])["type"]),
         ((PONG, b"between"), "pong"),
         "%s: a ping between fragments is answered" % way.name)
    c.send(frame(CLOSE, b"\x03\xe8"))
    t.eq(c.code(), 1000, "%s: and nothing is amiss" % way.name)


def utf8(t, s, h, way):
    for what, a, b in (("a bad byte after the seam", b"\xc3", b"\x28"),
                       ("cut off", b"\xf0\x9f", b"\x98"),
                       ("a surrogate", b"\xed", b"\xa0\x80"),
                       ("not the shortest", b"\xe0", b"\x80\xaf"),
                       ("above U+10FFFF", b"\xf4", b"\x90\x80\x80")):
        ends(t, way, "UTF-8: " + what, 1007, frame(TEXT, a, fin=False),
             frame(CONT, b))
    c = Raw(way)
    word = json.dumps({"type": "ping", "x": "\u4e16\U0001f600"},
                      ensure_ascii=False).encode()
    c.send(b"".join(frame(CONT if i else TEXT, word[i:i + 1],
                          fin=i + 1 == len(word))
                    for i in range(len(word))))
    t.eq(c.told("pong")["type"], "pong",
         "%s: UTF-8: good, a byte a frame" % way.name)
    c.send(frame(CLOSE))
    c.code()


def trickle(t, s, h, way):
    """One byte a write is slow, but no sin."""
    ten = s.tenants[1]
    c = Raw.__new__(Raw)
    c.sock, c.buf = way.dial(), b""
    for b in request():
        c.send(bytes([b]))
    t.eq(c.head(), 101, "%s: a byte a write: upgraded" % way.name)
    for b in frame(TEXT, json.dumps({"type": "auth", "token": s.token(
            ten.users[0])}).encode()):
        c.send(bytes([b]))
    t.ok(c.told("auth_success"), "%s: a byte a write: known" % way.name)
    s.say(ten, "15550011", "hello")
    t.ok(c.told("message_received"), "%s: a byte a write: told" % way.name)
    c.send(frame(CLOSE))
    t.eq(c.code(), 1000, "%s: a byte a write: 1000" % way.name)


def floods(t, s, h, way):
    c = Raw(way)
    c.send(frame(PING, b"x" * 125) * 5000)
    t.eq(c.code(), 4101, "%s: 5,000 pings: 4101" % way.name)
    c = Raw(way)
    c.auth(s.token(s.tenants[1].agent))
    c.send(frame(TEXT, b'{"type":"ping"}') * 5000)
    t.eq(c.code(), 4101, "%s: 5,000 messages: 4101" % way.name)
    c = Raw(way, rcvbuf=4096)
    c.auth(s.token(s.tenants[1].agent))
    end = time.monotonic() + CLOSE_S + 15
    while c.send(frame(PING, b"x" * 125) * 20) and time.monotonic() < end:
        time.sleep(0.005)  # and never reads
    t.ok(time.monotonic() < end,
         "%s: who pings and reads no pong is cut off" % way.name)
    c.sock.close()


def silence(t, s, h, way):
    c = Raw(way)
    c.auth(s.token(s.tenants[1].agent))
    began = time.monotonic()
    t.eq(c.code(), 4201, "%s: never a pong: 4201" % way.name)
    took = time.monotonic() - began
    t.ok(took > PONG_S - 1.5, "%s: after %.1f s" % (way.name, took))


def handshake(t, way):
    """A request that comes too slowly, and one that does not end."""
    socks = [way.dial(), way.dial()]
    began = time.monotonic()
    socks[0].sendall(request()[:40])
    out, limit = b"", 10 if way.path else HEADER_S
    try:
        for b in request():
            socks[1].sendall(bytes([b]))
            if readable(socks[1], 0.2):
                break
        out = socks[1].recv(4096)
    except OSError:
        pass
    took = time.monotonic() - began
    t.ok(limit - 1 < took < limit + 10, "%s: slow handshake: over after "
         "%.1f s" % (way.name, took))
    want = b"HTTP/1.1 408" if way.path else b""
    t.ok(out.startswith(want) and (want or not out),
         "%s: slow handshake: %s" % (way.name, want.decode() or "cut off"),
         repr(out))
    got = socks[0].recv(4096)
    t.ok(got.startswith(want) and (want or not got),
         "%s: half a request: the same" % way.name, repr(got))
    for c in socks:
        c.close()


def readable(c, seconds):
    return bool(select.select([c], [], [], seconds)[0])


def stubborn(t, way):
    """Told to go, it neither answers nor leaves."""
    c = Raw(way)
    c.send(frame(TEXT, b"{}", masked=False))
    began = time.monotonic()
    f = c.next()
    t.ok(f and f[0] == CLOSE and f[1][:2] == b"\x03\xea" and c.next() is None
         and time.monotonic() - began < CLOSE_S + 10,
         "%s: who does not answer 1002 is cut off" % way.name, repr(f))
    c.sock.close()


def flow(s, ten, way):
    """Many large events, which a socket of that tenant reads; their seqs."""
    c, seqs = Raw(way), []
    c.auth(s.token(ten.agent))

    def read():
        while len(seqs) < EVENTS:
            seqs.append(c.told("message_received")["seq"])
    reader = Later(read)
    for _ in range(EVENTS // 100):
        s.sql(FILL, {"n": 100, "t": ten.id})
    reader.join(60)
    c.send(frame(CLOSE))
    c.code()
    return seqs


class Stall:
    """Sockets that read nothing, say just enough not to seem dead, and have
    8 MB of events before them.  usual_kb: what such a flow costs without
    them."""

    def __init__(self, t, s, h, ways, usual_kb):
        self.t, self.h = t, h
        ten = s.add_tenant("Stalled")
        self.socks = []
        for i in range(STALLED):
            c = Raw(ways[i % 2], rcvbuf=4096)
            c.auth(s.token(s.add_user(ten)))
            self.socks.append(c)
        before = procs.rss_kb(h.proc.pid)
        self.alive = Later(self.murmur)
        seqs = flow(s, ten, ways[0])
        more = procs.rss_kb(h.proc.pid) - before
        t.ok(seqs == list(range(1, EVENTS + 1)), "beside %d who do not read: "
             "%d events, in order" % (STALLED, EVENTS))
        t.ok(more < usual_kb + STALLED_KB or s.asan,
             "with them that costs %d kB, "
             "without %d kB" % (more, usual_kb))

    def murmur(self):
        """Each says something now and then, until all were given up."""
        while self.h.metric('pytake_hub_closes_total{code="4102"}') < STALLED:
            for c in self.socks:
                c.say({"type": "ack", "seq": 1})
            time.sleep(1)

    def check(self):
        self.alive.join(60)
        self.t.ok(True, "no byte taken for 30 s: 4102, all %d" % STALLED)
        for c in self.socks:
            c.sock.close()


FILL = """
    WITH h AS (UPDATE tenant_event_head SET seq = seq + %(n)s,
               id = gen_random_uuid() WHERE tenant_id = %(t)s
               RETURNING seq, id),
    e AS (SELECT h.seq - %(n)s + i AS seq,
                 CASE WHEN i = %(n)s THEN h.id
                      ELSE gen_random_uuid() END AS id
          FROM h, generate_series(1, %(n)s) i)
    INSERT INTO event_log (tenant_id, seq, id, created_at, event, frame)
    SELECT %(t)s, seq, id, now(), 'message_received',
           '{"event":"message_received","data":{"x":"'
           || repeat('y', 5000) || '"},"seq":' || seq || ',"id":"' || id
           || '"}' FROM e RETURNING 1"""


def connects(t, s, h, way):
    """Strangers, as many as there may be descriptors."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    n = min(CONNECTS, (limit[1] - 500) // 3)
    if n < CONNECTS:
        t.note("%d connects: the file limit is %d" % (n, limit[1]))
    began = time.monotonic()
    opened, statuses = [], {}
    for i in range(n):
        c = Raw(way, source="127.0.%d.1" % (i // 40 + 1))
        statuses[c.status] = statuses.get(c.status, 0) + 1
        if c.status == 101:
            opened.append(c)
        else:
            if "retry-after" not in c.headers:
                statuses["rude"] = statuses.get("rude", 0) + 1
            c.sock.close()
    t.note("%d connects in %.1f s: %s" % (n, time.monotonic() - began,
                                          statuses))
    t.ok(set(statuses) == {101, 503}, "%s: %d strangers: 101, or 503 with "
         "Retry-After" % (way.name, n), str(statuses))
    known = Raw(way, token=s.token(s.tenants[1].agent))
    if way.path:
        known.send(frame(CLOSE))  # the token is NGINX's to judge
    else:
        t.ok(known.told("auth_success"),
             "%s: who is known comes in" % way.name)
        known.send(frame(CLOSE))
    codes = {}
    for c in opened:
        code = c.code()
        codes[code] = codes.get(code, 0) + 1
    # 1013 is for who has a place that others need
    t.ok(codes and set(codes) <= {1013, 4004},
         "%s: %d silent strangers: 4004, or 1013"
         % (way.name, len(opened)), codes)


if __name__ == "__main__":
    tap.run(main)
