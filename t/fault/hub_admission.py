#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Strangers ask the hub for admission.  From many addresses, silent or a byte at a
time, as many as there are places and more: a browser from elsewhere is let in
each time.  And the socket's name: from hub to hub it is never gone."""

import asyncio
import ctypes
import os
import random
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import procs
import stack
import tap
import ws

NOFILE = 704  # 640 sockets: 64 places for strangers
PLACES = 64
NETS = 60
EACH = 4  # again and again: some 200 a second
TRIES = 50
UPGRADE = ("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
           "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
           "X-Pytake-Addr: 192.0.2.%%d\r\n\r\n" % ws.PATH)


def main(t):
    with stack.Stack() as s:
        h = s.serve(name="hub", roles="hub", limit=NOFILE)
        for part in (locked_out, one_address, by_header, names):
            t.head(part.__name__)
            asyncio.run(asyncio.wait_for(part(t, s, h), 120))
        s.check_logs(t)


class Attack:
    """Sockets of many addresses that never tell who they are; who is sent
    away comes again.  Each says that it is from elsewhere."""

    def __init__(self, s, nets, each):
        self.s, self.opened, self.refused = s, 0, 0
        self.tasks = [asyncio.ensure_future(self.one(n, i % 2 == 0))
                      for i in range(each) for n in range(nets)]

    async def one(self, net, trickles):
        while True:
            writer = None
            try:
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self.s.port,
                    local_addr=("127.0.7.%d" % (net + 1), 0))
                writer.write((UPGRADE % random.randrange(256)).encode())
                head = await reader.readuntil(b"\r\n\r\n")
                if b" 101 " not in head.split(b"\r\n", 1)[0]:
                    self.refused += 1
                else:
                    self.opened += 1
                    if trickles:  # a frame that never ends
                        writer.write(b"\x81\xfe\x04\x00maskx")
                    await reader.read(1)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                if writer is not None:
                    writer.transport.abort()
            await asyncio.sleep(1)

    async def stop(self):
        for x in self.tasks:
            x.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def browse(s, user, token):
    """Seconds until a browser is let in, or what it met."""
    began = time.monotonic()
    c = ws.Client(s, user, token, follow=False, headers={
        "Origin": "http://127.0.0.1:%d" % s.port})
    await c.start(wait=False)
    await ws.until(lambda: c.live or c.task.done(), "a verdict", 30)
    took, live, words = time.monotonic() - began, c.live, c.words()
    c.abort()
    return took if live else words


async def locked_out(t, s, h):
    user = s.tenants[0].agent
    token = await ws.run(s.token, user)
    attack = Attack(s, NETS, EACH)
    try:
        await ws.until(lambda: attack.opened > 2 * PLACES, "the attack", 30)
        got = [await browse(s, user, token) for _ in range(TRIES)]
    finally:
        await attack.stop()
    bad = [x for x in got if not isinstance(x, float)]
    t.ok(not bad, "while %d addresses hold all places a browser from another "
         "is let in, %d times of %d" % (NETS, len(got) - len(bad), TRIES),
         bad[:3])
    t.ok(not bad and sorted(got)[TRIES * 9 // 10] < 1.0,
         "nine in ten within a second, however busy this machine is",
         "%s" % sorted(x for x in got if isinstance(x, float))[-9:])
    t.ok(await ws.run(h.metric, "pytake_hub_displaced_total") > 0,
         "others made room")
    t.note("%d sockets opened, %d refused; slowest %.0f ms"
           % (attack.opened, attack.refused, 1000 * max(
               [x for x in got if isinstance(x, float)] or [0])))


async def waiting(h, most):
    """No more wait than that."""
    await ws.wait(lambda: h.metric("pytake_hub_unauthenticated") <= most,
                  "%d waiting" % most, 30)


async def one_address(t, s, h):
    """One address alone cannot take all, and what it takes goes round."""
    await waiting(h, 0)
    attack = Attack(s, 1, 2 * PLACES)
    try:
        await ws.until(lambda: attack.refused > PLACES, "refusals", 30)
        most = 0
        for _ in range(20):
            most = max(most, await ws.run(h.metric,
                                          "pytake_hub_unauthenticated"))
        t.ok(0 < most <= PLACES * 3 / 4, "one address has no more than its "
             "share", most)
    finally:
        await attack.stop()
    await waiting(h, 0)
    t.ok(True, "when it has gone nothing is left of it")


async def by_header(t, s, h):
    """Who comes with a good Authorization header takes no place."""
    user = s.tenants[0].agent
    token = await ws.run(s.token, user)
    attack = Attack(s, NETS, EACH)
    try:
        await ws.until(lambda: attack.opened > PLACES, "the attack", 30)
        for _ in range(20):
            c = ws.Client(s, user, token, header=True, follow=False)
            await c.start()
            await c.close()
        t.ok(True, "who comes with a good header is let in, 20 times of 20")
    finally:
        await attack.stop()
    await waiting(h, 0)


class Watch:
    """What becomes of a folder's names (inotify)."""

    GONE = 0x240  # IN_MOVED_FROM, IN_DELETE

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0 or libc.inotify_add_watch(
                self.fd, folder.encode(), self.GONE) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def gone(self):
        """Names that went away since the last call."""
        out = []
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            data = b""
        while data:
            _, _, _, n = struct.unpack_from("iIII", data)
            out.append(data[16:16 + n].rstrip(b"\0").decode())
            data = data[16 + n:]
        return out


async def names(t, s, h):
    """Its end, its death, its successor, and one who comes beside it."""
    name = os.path.basename(h.socket)
    w = Watch(os.path.dirname(h.socket))
    user = s.tenants[0].agent
    c = ws.Client(s, user, await ws.run(s.token, user))
    await c.start()
    was = os.stat(h.socket).st_ino

    # It leaves, and while its sockets say goodbye another begins.
    leaving = h.proc
    procs.send(leaving.pid, signal.SIGTERM)
    await ws.wait(lambda: refuses(h.socket) != 0, "the end of its ear")
    status, after = await ws.run(knock, s)
    t.ok(status == 503 and after, "nobody listens: 503 and Retry-After",
         "%s %s" % (status, after))
    await ws.run(h.start)
    t.ok(os.stat(h.socket).st_ino != was, "the next has the name")
    await ws.run(leaving.wait, 20)
    t.eq(leaving.returncode, 0, "the first goes")
    t.ok(refuses(h.socket) == 0, "and leaves the next its socket")
    await ws.until(lambda: c.live and len(c.opens) > 1, c.words)

    # It dies.
    for _ in range(tap.size(3, 30)):
        await ws.run(h.kill)
        await ws.run(knock, s)
        await ws.run(h.start)
    await ws.until(lambda: c.live, c.words)

    # Two at once: one of them is it.
    twin = stack.Serve(s, roles="hub", name="twin")
    twin.socket = h.socket
    s.serves.append(twin)
    await ws.run(h.kill)
    twin.start(wait=False)
    h.start(wait=False)
    both = (twin.proc, h.proc)
    await ws.wait(lambda: any(p.poll() is not None for p in both),
                  "one that gives way")
    rest = [p for p in both if p.poll() is None]
    t.ok(len(rest) == 1 and sorted(p.poll() or 0 for p in both)[1] > 0,
         "of two that begin at once one gives way",
         [p.poll() for p in both])
    await ws.wait(lambda: refuses(h.socket) == 0, "the other")
    t.ok("another \"pytake serve\"" in h.words() + twin.words(),
         "and says why")
    t.ok(name not in w.gone(), "the socket's name is never gone")
    mode = os.stat(h.socket).st_mode & 0o7777
    t.eq(oct(mode), "0o660", "its mode is 0660")
    os.close(w.fd)
    await c.close()


def refuses(path):
    """0, or the error of a connection."""
    with socket.socket(socket.AF_UNIX) as c:
        return c.connect_ex(path)


def knock(s):
    r = s.client().request("GET", ws.PATH, headers={
        "Upgrade": "websocket", "Connection": "upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
    return r.status, r.headers.get("retry-after")


if __name__ == "__main__":
    tap.run(main)
