#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The hub: sockets against the real stack, straight on its unix socket."""

import asyncio
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))


import procs
import stack
import tap
from procs import wait_until
import ws as websockets  # whatever its version

URI = "ws://hub/api/v1/conversations/ws"


def main(t):
    with stack.Stack(redis_proxy=True) as s:
        h = s.serve(name="hub")
        for part in tap.parts(live, refused, resume, typing, sessions,
                              redis_away, rewound, drain, limits,
                              descriptors):
            t.head(part.__name__)
            asyncio.run(asyncio.wait_for(part(t, s, h), 120))
            if h.proc.poll() is not None:
                h.start()
        t.ok("Sanitizer" not in h.words() and "runtime error"
             not in h.words(), "no sanitizer report", h.words)
        s.check_logs(t)


class Client:
    """A socket that remembers what it was told."""

    def __init__(self, h, user, token):
        self.h, self.user, self.token = h, user, token
        self.events, self.others, self.raw = [], [], []
        self.since = None
        self.code = None

    async def open(self, since=None, headers=None, uri=URI, **more):
        self.ws = await websockets.unix_connect(
            self.h.socket, uri=uri, extra_headers=headers or {},
            max_size=None, **more)
        if headers is None:
            m = {"type": "auth", "token": self.token,
                 "user_id": self.user.id}
            if since is not None:
                m["since"] = since
            await self.send(m)
        self.task = asyncio.ensure_future(self.read())
        return self

    async def send(self, m):
        await self.ws.send(m if isinstance(m, str) else json.dumps(m))

    async def read(self):
        try:
            async for text in self.ws:
                m = json.loads(text)
                if "seq" in m:
                    self.events.append(m)
                    self.raw.append(text)
                    self.since = {"seq": m["seq"], "id": m["id"]}
                else:
                    self.others.append(m)
        except websockets.ConnectionClosed:
            pass
        self.code = self.ws.close_code

    def seqs(self):
        return [m["seq"] for m in self.events]

    def types(self):
        return [m.get("type") or m["event"] for m in self.others]

    def here(self):
        return [m["data"] for m in self.others
                if m.get("event") == "presence_updated"]

    def last(self, kind):
        return next((m for m in reversed(self.others)
                     if (m.get("type") or m.get("event")) == kind), None)

    async def until(self, cond, what, timeout=10):
        end = time.monotonic() + timeout
        while not cond():
            if time.monotonic() > end:
                raise TimeoutError("%s: %d events, %s, code %s" % (
                    what, len(self.events), self.types(), self.code))
            await asyncio.sleep(0.005)

    async def close(self):
        await self.ws.close()
        await self.task


async def connect(s, h, user, since=None, **more):
    token = await run(s.token, user)
    c = await Client(h, user, token).open(since, **more)
    if not more.get("headers"):
        await c.until(lambda: "auth_success" in c.types() or c.task.done(),
                      "auth_success")
    return c


async def run(f, *args, **more):
    return await asyncio.get_running_loop().run_in_executor(
        None, lambda: f(*args, **more))


def head(s, t):
    r = s.sql("SELECT seq, id::text FROM tenant_event_head WHERE "
              "tenant_id = %s", (t.id,))[0]
    return {"seq": r[0], "id": r[1]}


async def live(t, s, h):
    """What is said on the phone is on the socket, byte for byte what the log
    has; another tenant hears nothing."""
    a, b = s.tenants[:2]
    c = await connect(s, h, a.agent)
    d = await connect(s, h, b.agent)
    for i in range(20):
        await run(s.say, a, "15550001", "hello %d" % i)
    await c.until(lambda: len(c.events) >= 20, "20 events")
    rows = s.sql("SELECT seq, frame FROM event_log WHERE tenant_id = %s "
                 "ORDER BY seq", (a.id,))
    t.ok(c.raw == [r[1] for r in rows], "live frames are the log's, in order")
    t.ok(d.events == [], "the other tenant's socket hears nothing")
    r = await connect(s, h, a.agent, since=0)
    await r.until(lambda: "sync" in r.types(), "sync")
    t.ok(r.raw == c.raw, "replayed frames are the live ones, byte for byte")
    t.eq(r.last("sync")["data"], c.since, "sync names the last event")
    await c.send({"type": "ping"})
    await c.until(lambda: "pong" in c.types(), "pong")
    t.eq(c.last("pong")["data"]["seq"], 20, "pong tells the seq")
    for x in (c, d, r):
        await x.close()
    t.eq(c.code, 1000, "a close is answered")


async def code_of(s, h, first, headers=None):
    ws = await websockets.unix_connect(h.socket, uri=URI,
                                       extra_headers=headers or {})
    try:
        if first is not None:
            await ws.send(first)
        while True:
            await asyncio.wait_for(ws.recv(), 15)
    except websockets.ConnectionClosed:
        return ws.close_code


async def refused(t, s, h):
    user = s.tenants[0].agent
    other = s.tenants[1].agent

    def auth(token, **more):
        return json.dumps(dict({"type": "auth", "token": token}, **more))

    good = s.token(user)
    for what, first, want in (
            ("no token", '{"type":"auth"}', 4002),
            ("a token that is none", auth("x.y.z"), 4002),
            ("alg none", auth(s.token(user, header={"alg": "none",
                                                    "typ": "JWT"})), 4002),
            ("a foreign key", auth(s.token(user, secret="x" * 40)), 4002),
            ("an expired token", auth(s.token(user, lifetime=-60)), 4202),
            ("no such session", auth(s.token(user, sid=stack.uuid7())), 4005),
            ("another user's id", auth(good, user_id=other.id), 4003),
            ("something else first", '{"type":"watch"}', 4002),
            ("no JSON, thrice", None, 4001)):
        if first is None:
            ws = await websockets.unix_connect(h.socket, uri=URI)
            for _ in range(3):
                await ws.send("{")
            try:
                while True:
                    await asyncio.wait_for(ws.recv(), 10)
            except websockets.ConnectionClosed:
                got = ws.close_code
        else:
            got = await code_of(s, h, first)
        t.eq(got, want, "%s: %d" % (what, want))
    t0 = time.monotonic()
    t.eq(await code_of(s, h, None), 4004, "silence: 4004")
    t.ok(9 < time.monotonic() - t0 < 13, "after 10 s")
    ws = await websockets.unix_connect(h.socket, uri=URI,
                                       subprotocols=["pytake.v9"])
    try:
        await ws.recv()
    except websockets.ConnectionClosed:
        pass
    t.eq(ws.close_code, 4007, "another version: 4007")
    t.ok(h.ask("GET", "/api/v1/conversations/ws").startswith(
        "HTTP/1.1 426"), "no upgrade: 426")
    c = await connect(s, h, user, headers={
        "X-Pytake-User": user.id, "X-Pytake-Tenant": user.tenant.id,
        "X-Pytake-Session": s.one("SELECT id::text FROM sessions WHERE "
                                  "user_id = %s AND revoked_at IS NULL "
                                  "LIMIT 1", (user.id,)),
        "X-Pytake-Exp": str(int(time.time()) + 600)},
        uri=URI + "?since=0")
    await c.until(lambda: len(c.events) >= 20, "the events")
    t.ok(c.last("auth_success")["data"]["resumed"],
         "who was checked by NGINX need not tell, and can resume")
    await c.close()


async def resume(t, s, h):
    a = s.tenants[0]
    c = await connect(s, h, a.agent, since=head(s, a))
    await c.close()
    since = head(s, a)
    for i in range(5):
        await run(s.say, a, "15550002", "missed %d" % i)
    c = await connect(s, h, a.agent, since=since)
    await c.until(lambda: len(c.events) >= 5, "5 events")
    t.eq(c.seqs(), list(range(since["seq"] + 1, since["seq"] + 6)),
          "what was missed comes, in order")
    await c.close()
    for what, where, why in (
            ("another event's id", dict(since, id=stack.uuid7()), "rewound"),
            ("a seq that is not yet", {"seq": 10 ** 9, "id": None},
             "rewound")):
        c = await connect(s, h, a.agent, since=where)
        await c.until(lambda: "resync" in c.types(), "resync")
        r = c.last("resync")["data"]
        t.eq((r["reason"], r["since"]), (why, head(s, a)),
              what + ": resync, " + why)
        await c.close()

    # older than the ring: pages of the log
    big = await run(s.add_tenant, "Big")
    await run(fill, s, big, 3000)
    n = h.metric("pytake_hub_queries_total")
    cs = [await connect(s, h, big.agent, since=17) for _ in range(5)]
    for c in cs:
        await c.until(lambda: "sync" in c.types(), "sync", 30)
        t.ok(c.seqs() == list(range(18, 3001)), "2,983 events, in order")
        await c.close()
    used = h.metric("pytake_hub_queries_total") - n
    t.ok(used <= 6, "for five clients %d queries" % used)
    await run(s.sql, "DELETE FROM event_log WHERE tenant_id = %s AND "
              "seq < 1000", (big.id,))
    h.stop()
    h.start()
    c = await connect(s, h, big.agent, since=900)
    await c.until(lambda: "resync" in c.types(), "resync")
    t.eq(c.last("resync")["data"]["reason"], "expired",
          "what has expired: resync, expired")
    await c.close()
    k = await connect(s, h, big.agent)
    await run(fill, s, big, 9000)
    await k.until(lambda: len(k.events) >= 9000, "9,000 events", 30)
    await k.close()
    c = await connect(s, h, big.agent, since=1001)
    await c.until(lambda: "resync" in c.types(), "resync")
    t.eq(c.last("resync")["data"]["reason"], "too_far",
          "more than 10,000: resync, too_far")
    await c.close()


def fill(s, tenant, n):
    """n events by SQL, as the core would write them."""
    s.sql("""
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
               || repeat('y', 200) || '"},"seq":' || seq || ',"id":"' || id
               || '"}' FROM e RETURNING 1""", {"n": n, "t": tenant.id})


async def typing(t, s, h):
    a = s.tenants[0]
    bob = await run(s.add_user, a)
    conv = stack.uuid7()
    h2 = await run(s.serve, name="hub2", roles="hub")
    c = await connect(s, h, a.agent)
    d = await connect(s, h, bob)
    far = await connect(s, h2, bob)
    own = await connect(s, h2, a.agent)
    o = await connect(s, h, s.tenants[1].agent)
    await wait(lambda: s.redis().publish("eph:" + a.id, "x") >= 2)
    await c.send({"event": "typing_start", "conversation_id": conv})
    for x, where in ((d, "on this hub"), (far, "on another")):
        await x.until(lambda: "typing_start" in x.types(), "typing_start")
        m = x.last("typing_start")
        t.eq((m["data"]["user_id"], m["data"]["conversation_id"],
               "seq" in m), (a.agent.id, conv, False), "typing " + where)
        await x.until(lambda: "typing_stop" in x.types(), "typing_stop")
    v = await connect(s, h, await run(s.add_user, a, "viewer"))
    await v.send({"event": "typing_start", "conversation_id": conv})
    await v.until(lambda: "error" in v.types(), "error")
    t.eq(v.last("error")["data"]["code"], "forbidden", "a viewer does not type")
    t.eq(d.types().count("typing_start"), 1, "... and nobody sees it")
    await v.close()
    await c.send({"type": "watch", "conversation_id": conv})
    here = {"user_id": a.agent.id, "status": "online", "viewing": conv}
    for x, where in ((d, "on this hub"), (far, "on another")):
        await x.until(lambda: here in x.here(), "presence_updated")
        t.ok(True, "who looks at it: presence_updated " + where)
    await c.send({"type": "presence", "status": "away"})
    here["status"] = "away"
    await far.until(lambda: here in far.here(), "away")
    t.ok(True, "and is away")
    late = await connect(s, h2, await run(s.add_user, a))
    await late.until(lambda: here in late.here(), "who is there")
    t.ok(True, "who comes later is told who is there")
    await late.close()
    t.eq(o.here(), [], "another tenant hears nothing of it")
    await c.close()
    await own.close()
    here = {"user_id": a.agent.id, "status": "offline", "viewing": None}
    for x, where in ((d, "on this hub"), (far, "on another")):
        await x.until(lambda: here in x.here(), "offline", 30)
        t.ok(True, "its last socket has gone: offline " + where)
    for x, who in ((c, "the typist"), (own, "the typist's other socket"),
                   (o, "another tenant")):
        t.ok("typing_start" not in x.types(), "not to " + who)
    for x in (d, far, o):
        await x.close()
    h2.stop()


async def wait(cond, timeout=10):
    return await run(wait_until, cond, timeout)


async def sessions(t, s, h):
    a = s.tenants[0]
    web = await run(s.login, a.agent)
    c = await Client(h, a.agent, web.token).open()
    await c.until(lambda: "auth_success" in c.types(), "auth_success")
    t0 = time.monotonic()
    await run(web.post, "/api/v1/auth/logout", {})
    await c.until(c.task.done, "close")
    t.eq(c.code, 4005, "logout: 4005")
    t.ok(time.monotonic() - t0 < 1, "at once")

    user = await run(s.add_user, a)
    c = await connect(s, h, user)
    t0 = time.monotonic()
    await run(s.sql, "UPDATE users SET active = false WHERE id = %s "
              "RETURNING 1", (user.id,))
    await c.until(c.task.done, "close")
    t.eq(c.code, 4005, "deactivation: 4005")
    t.ok(time.monotonic() - t0 < 4, "within 4 s")

    user = await run(s.add_user, a)
    c = await connect(s, h, user)
    await c.send({"type": "auth", "token": s.token(user)})
    await c.until(lambda: c.types().count("auth_success") == 2, "refresh")
    t.ok(True, "another token of the same user is taken")
    await c.send({"type": "auth", "token": s.token(a.agent)})
    await c.until(c.task.done, "close")
    t.eq(c.code, 4003, "another user's is not: 4003")


async def redis_away(t, s, h):
    a = s.tenants[0]
    c = await connect(s, h, a.agent)
    n = len(c.events)
    s.redis_proxy.set("refuse")
    await wait(lambda: '"redis":"down"' in h.ask("GET", "/health"), 15)
    worst = 0
    for i in range(5):
        await run(s.say, a, "15550003", "without %d" % i)
        t0 = time.monotonic()
        want = n + i + 1
        await c.until(lambda: len(c.events) >= want, "the event")
        worst = max(worst, time.monotonic() - t0)
    t.ok(worst < 2.5, "without Redis: %.2f s" % worst)
    user = await run(s.add_user, a)
    d = await connect(s, h, user)
    t0 = time.monotonic()
    await run(s.sql, "UPDATE users SET active = false WHERE id = %s "
              "RETURNING 1", (user.id,))
    await d.until(d.task.done, "close")
    t.ok(d.code == 4005 and time.monotonic() - t0 < 4,
         "and a session ends within 4 s")
    s.redis_proxy.set("pass")
    await wait(lambda: '"redis":"up"' in h.ask("GET", "/health"), 15)
    t.ok(True, "Redis is back")
    await c.close()


async def rewound(t, s, h):
    ten = await run(s.add_tenant, "Restored")
    await run(fill, s, ten, 50)
    c = await connect(s, h, ten.agent, since=0)
    await c.until(lambda: len(c.events) >= 50, "50 events")
    await run(s.sql, """
        WITH d AS (DELETE FROM event_log WHERE tenant_id = %(t)s
                   AND seq > 40)
        UPDATE tenant_event_head SET seq = 40, id = (SELECT id FROM event_log
            WHERE tenant_id = %(t)s AND seq = 40) WHERE tenant_id = %(t)s
        RETURNING 1""", {"t": ten.id})
    await c.until(lambda: "resync" in c.types(), "resync")
    t.eq(c.last("resync")["data"], {"reason": "rewound",
                                     "since": head(s, ten)},
          "an earlier copy of the database: resync")
    await run(fill, s, ten, 5)
    await c.until(lambda: len(c.events) >= 55, "5 more")
    t.eq(c.seqs()[50:], [41, 42, 43, 44, 45], "and on from there")
    await c.close()


async def drain(t, s, h):
    a = s.tenants[0]
    users = [await run(s.add_user, a) for _ in range(8)]
    cs = [await connect(s, h, u, headers=None) for u in users]
    since = head(s, a)
    t0 = time.monotonic()
    procs.send(h.proc.pid, signal.SIGTERM)
    times = []
    for c in cs:
        await c.until(lambda: "reconnect" in c.types(), "reconnect")
    for c in cs:
        await c.until(c.task.done, "close", 15)
        times.append(time.monotonic() - t0)
    t.ok(all(c.code == 4200 for c in cs), "SIGTERM: reconnect, then 4200",
         str([c.code for c in cs]))
    t.ok(max(times) < 9, "within the spread: %.1f s" % max(times))
    await wait(lambda: h.proc.poll() is not None)
    t.eq(h.proc.returncode, 0, "it ends with 0")
    await run(s.say, a, "15550004", "meanwhile")
    await run(h.start)
    c = await connect(s, h, users[0], since=since)
    await c.until(lambda: len(c.events) >= 1, "the event")
    t.eq(c.seqs(), [since["seq"] + 1], "nothing is missed")
    await c.close()


async def limits(t, s, h):
    user = await run(s.add_user, s.tenants[0])
    token = s.token(user)
    cs = []
    for _ in range(10):
        cs.append(await Client(h, user, token).open())
    for c in cs:
        await c.until(lambda: "auth_success" in c.types(), "auth")
    c = await Client(h, user, token).open()
    await c.until(c.task.done, "close")
    t.eq(c.code, 4006, "the eleventh socket of a user: 4006")
    await cs[0].send("x" * (16 * 1024 + 1))
    await cs[0].until(cs[0].task.done, "close")
    t.eq(cs[0].code, 1009, "16 KB and one byte: 1009")
    await cs[1].ws.send(b"binary")
    await cs[1].until(cs[1].task.done, "close")
    t.eq(cs[1].code, 1003, "binary: 1003")
    await cs[2].send({"type": "what"})
    await cs[2].until(cs[2].task.done, "close")
    t.eq(cs[2].code, 4000, "an unknown type: 4000")
    try:
        for _ in range(500):
            await cs[3].send({"type": "ack", "seq": 1})
    except websockets.ConnectionClosed:
        pass
    await cs[3].until(cs[3].task.done, "close")
    t.eq(cs[3].code, 4101, "a flood: 4101")
    for c in cs[4:]:
        await c.close()

    # strangers of one address, while there is room (t/fault/hub_admission.py)
    open_ = [await websockets.unix_connect(
        h.socket, uri=URI, extra_headers={"X-Pytake-Addr": "192.0.2.7"})
        for _ in range(25)]
    t.eq(len(open_), 25, "strangers of one address get in while there is "
         "room")
    for ws in open_:
        await ws.close()


async def descriptors(t, s, h):
    """Out of descriptors: new sockets are refused, the others are served."""
    small = await run(s.serve, name="small", roles="hub", limit=150)
    good = await connect(s, small, s.tenants[0].agent)
    idle, refused_ = [], 0
    for _ in range(200):
        try:
            _, w = await asyncio.open_unix_connection(small.socket)
            idle.append(w)
        except OSError:
            refused_ += 1
    await run(s.say, s.tenants[0], "15550005", "still here")
    await good.until(lambda: len(good.events) >= 1, "the event")
    t.ok(True, "who is there is served")
    for w in idle:
        w.close()
    await wait(small.ready)
    t.ok(small.metric("pytake_hub_refused_total") > 0, "others are refused")
    t.eq(small.metric("pytake_hub_capacity"), 150 - 64, "capacity")
    await good.close()
    small.stop()
    both = await run(s.serve, name="both", roles="hub,courier", limit=900)
    t.eq(both.metric("pytake_hub_capacity"), 900 - 64 - 512,
         "a courier beside it has its part")
    both.stop()


if __name__ == "__main__":
    tap.run(main)
