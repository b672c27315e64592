#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Redis is only the doorbell: away from boot, paused, frozen, killed, its
subscriber cut, bells lost, doubled, out of order, the last one lost: no
event is missing on any socket, none is later than 2.5 s."""

import asyncio
import os
import random
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import procs
import stack
import tap
import ws

LATE_S = 2.5
ROUNDS = tap.size(1, 5)


class Relay:
    """Between Redis and whoever rings or listens.  mode: pass; drop,
    double, swap or all of them at random of what Redis tells; deaf: what
    is published reaches nobody."""

    def __init__(self, target):
        self.target, self.mode, self.lost = target, "pass", 0
        self.rand = random.Random(7)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                a, _ = self.listener.accept()
            except OSError:
                return
            try:
                b = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                a.close()
                continue
            for x, y, judge in ((a, b, self.ringing), (b, a, self.told)):
                threading.Thread(target=self.pump, args=(x, y, judge),
                                 daemon=True).start()

    def pump(self, a, b, judge):
        buf, held = b"", []
        try:
            while True:
                data = a.recv(65536)
                if not data:
                    break
                buf += data
                while buf:
                    n = extent(buf, 0)
                    if n is None:
                        break
                    for x in judge(buf[:n], held):
                        b.sendall(x)
                    buf = buf[n:]
        except OSError:
            pass
        for x in (a, b):
            try:
                x.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        a.close()

    def ringing(self, item, held):
        if b"PUBLISH\r\n" in item[:24].upper() and b"\r\nev:" in item:
            if self.mode == "deaf":
                self.lost += 1
                return [b"*3\r\n$7\r\nPUBLISH\r\n$4\r\nnone\r\n$1\r\n0\r\n"]
        return [item]

    def told(self, item, held):
        if not item.startswith(b"*3\r\n$7\r\nmessage\r\n"):
            return [item]
        mode = self.mode
        if mode == "all":
            mode = self.rand.choice(("drop", "double", "swap", "pass"))
        out, held[:] = held[:], []
        if mode == "drop" and self.rand.random() < 0.4:
            self.lost += 1
            return out
        if mode == "double":
            return [item] + out + [item]
        if mode == "swap" and not out:
            held.append(item)  # until the next has gone
            return []
        return [item] + out


def extent(b, at):
    """The end of the RESP value at a position, None if it is not all
    there."""
    eol = b.find(b"\r\n", at)
    if eol < 0:
        return None
    kind, end = b[at:at + 1], eol + 2
    if kind == b"$":
        n = int(b[at + 1:eol])
        end += n + 2 if n >= 0 else 0
        return end if end <= len(b) else None
    if kind == b"*":
        for _ in range(max(0, int(b[at + 1:eol]))):
            end = extent(b, end)
            if end is None:
                return None
    return end


def main(t):
    relays = []

    def edit(name, text):
        """NGINX rings by way of a relay, too."""
        if name == "pytake.conf":
            relays.append(Relay(s.redis_port))
            path = os.path.join(s.dir, "secrets", "redis_relay")
            with open(path, "w") as f:
                f.write("redis://127.0.0.1:%d/0" % relays[0].port)
            os.chmod(path, 0o600)
            text = text.replace("/secrets/redis_url", "/secrets/redis_relay")
        return text

    s = stack.Stack(conf_edit=edit)
    with s:
        bell, ear = relays[0], Relay(s.redis_port)
        asyncio.run(asyncio.wait_for(all_of(t, s, bell, ear),
                                     tap.size(300, 1200)))
        s.check_logs(t)


async def all_of(t, s, bell, ear):
    await ws.run(s.stop_redis)
    h = await ws.run(s.serve, name="hub", env={
        "REDIS_URL": "redis://127.0.0.1:%d/0" % ear.port})
    crowd = Crowd(s)
    await crowd.come()
    await under(t, s, h, crowd, "down from boot", from_boot)
    for name, fault in (("CLIENT PAUSE", paused), ("frozen", frozen),
                        ("killed and restarted", killed),
                        ("the subscriber is cut", cut)):
        for _ in range(ROUNDS):
            await under(t, s, h, crowd, name, fault)
    for mode, where in (("drop", ear), ("double", ear), ("swap", ear),
                        ("all", ear), ("deaf", bell)):
        async def bent(s, h, talk, mode=mode, where=where):
            lost, where.mode = where.lost, mode
            await talk.more(tap.size(120, 1000), 3)
            # what is held back by "swap" comes with the next, or never
            await talk.stop()
            where.mode = "pass"
            if mode in ("drop", "all", "deaf"):
                t.ok(where.lost > lost, "%s: %d bells were lost"
                     % (mode, where.lost - lost))
        await under(t, s, h, crowd, "bells: " + mode, bent)
    await last_lost(t, s, h, crowd, bell)
    await crowd.go()
    t.ok(h.proc.poll() is None, "the hub has lived through it", h.words)


class Crowd:
    """Eight sockets a tenant, through NGINX; half name themselves in the
    upgrade, half in the first frame."""

    def __init__(self, s):
        self.s, self.of = s, []

    async def come(self):
        for tenant in self.s.tenants:
            token = await ws.run(self.s.token, tenant.agent)
            self.of.append((tenant, [await ws.Client(
                self.s, tenant.agent, token, header=i % 2 == 0).start()
                for i in range(8)]))

    def all(self):
        return [c for _, cs in self.of for c in cs]

    async def go(self):
        for c in self.all():
            await c.close()


async def under(t, s, h, crowd, name, fault):
    t.head(name)
    stalls = procs.Stalls()
    talk = await ws.run(ws.Talk, s, s.tenants)
    await talk.more(8)
    await fault(s, h, talk)
    await talk.stop()
    for tenant, clients in crowd.of:
        await ws.check(t, s, tenant, clients, name)
    late = talk.late(crowd.all())
    t.ok(len(late) == 8 * len(talk.done), name + ": all were heard by all",
         "%d of %d" % (len(late), 8 * len(talk.done)))
    t.ok(ws.p99(late) <= LATE_S + stalls.take() / 1000,
         "%s: 99 of 100 within %.1f s of the answer" % (name, LATE_S),
         "p99 %.3f s, worst %.3f s" % (ws.p99(late), late[-1]))
    t.note("%d said, p50 %.3f s, p99 %.3f s, worst %.3f s; slowest answer "
           "%.3f s" % (len(talk.done), late[len(late) // 2], ws.p99(late),
                       late[-1], talk.slowest))
    t.ok(not talk.odd, name + ": and every request was served", talk.odd[:3])
    t.ok(all(len(c.closes) == 0 for c in crowd.all()),
         name + ": no socket was lost",
         lambda: [c.words() for c in crowd.all() if c.closes])


def redis_is(h, word):
    return lambda: '"redis":"%s"' % word in h.ask("GET", "/health")


async def from_boot(s, h, talk):
    await talk.more(60, 4)
    await ws.run(s.start_redis)
    await ws.wait(redis_is(h, "up"), "Redis seen by the hub")
    await talk.more(40)


async def paused(s, h, talk):
    def pause():
        s.redis().execute_command("CLIENT", "PAUSE", 3000)
    await ws.run(pause)
    await talk.more(80, 3.5)


async def frozen(s, h, talk):
    procs.send(s.redis_proc.pid, signal.SIGSTOP)
    await talk.more(80, 4)
    procs.send(s.redis_proc.pid, signal.SIGCONT)
    await talk.more(40)


async def killed(s, h, talk):
    await ws.run(s.stop_redis)
    await ws.wait(redis_is(h, "down"), "Redis missed by the hub")
    await talk.more(60, 3)
    await ws.run(s.start_redis)
    await ws.wait(redis_is(h, "up"), "Redis seen by the hub")
    await talk.more(40)


async def cut(s, h, talk):
    def kill():
        r = s.redis()
        stack.wait_until(lambda: r.execute_command(
            "CLIENT", "KILL", "TYPE", "pubsub"), 10, "a subscriber to cut")
    for _ in range(10):
        await ws.run(kill)
        await talk.more(8)
    await ws.wait(redis_is(h, "up"), "the subscriber's return")


async def last_lost(t, s, h, crowd, bell):
    """A burst whose last bells ring in nobody's ear: there is no hole to
    see, only the head."""
    tenant, clients = crowd.of[0]
    worst = 0.0
    for _ in range(tap.size(3, 20)):
        for _ in range(10):
            await ws.run(s.say, tenant, "15550001", "burst")
        await ws.at_head(s, tenant, clients)
        lost, bell.mode = bell.lost, "deaf"
        await ws.run(s.say, tenant, "15550001", "the last")
        began = time.monotonic()
        if await ws.at_head(s, tenant, clients, 10):
            break
        worst = max(worst, time.monotonic() - began)
        bell.mode = "pass"
        t.ok(bell.lost > lost, "the last bell of a burst is lost")
    bell.mode = "pass"
    await ws.check(t, s, tenant, clients, "the last lost")
    t.ok(worst <= LATE_S, "and its event comes within %.1f s" % LATE_S,
         worst)
    t.note("worst %.3f s" % worst)


if __name__ == "__main__":
    tap.run(main)
