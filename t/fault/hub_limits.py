#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The hub at its limits and at its doors: out of descriptors, two tenants
side by side, foreign origins, bad tokens, ended sessions, forged headers."""

import asyncio
import json
import os
import resource
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import procs
import stack
import tap
import ws

PHONE = "15550001"
ENDS_S = 4.0  # a session's end closes its sockets


def main(t):
    with stack.Stack(redis_proxy=True) as s:
        h = s.serve(name="hub")
        for part in (doors, forged, apart, ends, descriptors):
            t.head(part.__name__)
            asyncio.run(asyncio.wait_for(part(t, s, h), 120))
        t.ok(h.proc.poll() is None, "the hub has lived through it", h.words)
        s.check_logs(t)


async def join(s, user, token=None, **more):
    token = token or await ws.run(s.token, user)
    return await ws.Client(s, user, token, **more).start()


async def verdict(s, token=None, first=None, headers=None, header=False):
    """What becomes of a socket: its HTTP status, or its close code (0: it
    is let in)."""
    c = ws.Client(s, None, token, header=header, headers=headers,
                  follow=False)
    if first is not None:
        c.token = None
    await c.start(wait=False)
    if first is not None:
        await ws.until(lambda: c.opens or c.task.done(), "an open socket")
        if not c.task.done():
            await c.send(first)
    await ws.until(lambda: c.live or c.task.done(), "a verdict")
    if c.live:
        await c.close()
        return 0
    await c.task
    return c.refusals[-1] if c.refusals else c.code


async def doors(t, s, h):
    user = s.tenants[0].agent
    good = await ws.run(s.token, user)
    revoked = await ws.run(s.login, user)
    gone = revoked.token
    await ws.run(revoked.post, "/api/v1/auth/logout", {})
    bad = [("alg none", s.token(user, header={"alg": "none", "typ": "JWT"}),
            4002),
           ("another key's", s.token(user, secret="x" * 40), 4002),
           ("garbage", "x.y.z", 4002),
           ("an expired", s.token(user, lifetime=-60), 4202),
           ("an ended session's", gone, 4005),
           ("an unknown session's", s.token(user, sid=stack.uuid7()), 4005),
           ("another tenant's session's", s.token(user, tenant_id=s.tenants[
               1].id), 4005)]
    for what, token, code in bad:
        t.eq(await verdict(s, token), code, "%s token in the first frame: %d"
             % (what, code))
        t.eq(await verdict(s, token, header=True), 401,
             "%s token in the upgrade: 401" % what)
    t.eq(await verdict(s, good), 0, "a good one is let in")
    t.eq(await verdict(s, good, header=True), 0, "by the upgrade, too")
    host = "127.0.0.1:%d" % s.port
    for origin, want in (("https://evil.example", 403), ("null", 403),
                         ("http://%s.evil.example" % host, 403),
                         ("http://evil.example/#" + host, 403),
                         ("http://" + host, 0)):
        for header in (False, True):
            t.eq(await verdict(s, good, headers={"Origin": origin},
                               header=header), want,
                 "origin %s: %s" % (origin.replace(host, "HOST"),
                                    want or "let in"))


async def forged(t, s, h):
    """What only NGINX may say of a client, said by the client."""
    a, b = s.tenants[:2]
    sid = stack.uuid7()
    token = await ws.run(s.token, b.agent)
    await ws.run(s.sql, "INSERT INTO sessions (id, tenant_id, user_id, "
                 "expires_at) VALUES (%s, %s, %s, now() + interval '1 day')",
                 (sid, a.id, a.agent.id))
    lies = {"X-Pytake-User": a.agent.id, "X-Pytake-Tenant": a.id,
            "X-Pytake-Session": sid, "X-Pytake-Role": "owner",
            "X-Pytake-Exp": str(int(time.time()) + 3600)}
    lies.update({k.replace("X-Pytake", "X-Pt"): v for k, v in lies.items()})
    t.eq(await verdict(s, first='{"type":"watch"}', headers=lies), 4002,
         "without a token they name nobody")
    c = await join(s, b.agent, token, header=True, headers=lies)
    d = await join(s, b.agent, token, headers=lies)
    await ws.run(s.say, a, PHONE, "not for b")
    await ws.run(s.say, b, PHONE, "for b")
    await ws.check(t, s, b, [c, d], "with a token they change nobody")
    for x in (c, d):
        me = x.said("auth_success")[0]["data"]
        t.eq((me["tenant_id"], me["user_id"]), (b.id, b.agent.id),
             "who it is comes from the token")
        await x.close()


async def apart(t, s, h):
    """Two tenants, live and replayed, and one with the other's cursor."""
    a, b = s.tenants[:2]
    for _ in range(12):
        await ws.run(s.say, a, PHONE, "for a")
    for _ in range(3):
        await ws.run(s.say, b, PHONE, "for b")
    ca = [await join(s, a.agent, header=i % 2 == 0) for i in range(3)]
    cb = [await join(s, b.agent, header=i % 2 == 0) for i in range(3)]
    ra = await join(s, a.agent, since={"seq": 0, "id": None})
    rb = await join(s, b.agent, since={"seq": 0, "id": None})
    talk = await ws.run(ws.Talk, s, [a, b], 0.005)
    await talk.more(tap.size(100, 2000))
    await talk.stop()
    await ws.check(t, s, a, ca + [ra], "one tenant's")
    await ws.check(t, s, b, cb + [rb], "the other's")
    la, lb = [await ws.run(ws.log_of, s, x) for x in (a, b)]
    for own, foreign, cs in ((la, lb, ca + [ra]), (lb, la, cb + [rb])):
        heard = {text for c in cs for _, text, _ in c.events}
        t.ok(heard <= set(own.values()) and not heard
             & set(foreign.values()), "nothing of the other's in %d frames"
             % len(heard))
    for c in ca + cb + [ra, rb]:
        await c.close()
    for seq in (2, max(lb), max(la)):
        text = la.get(seq) or la[max(la)]
        since = {"seq": seq, "id": ws.parse(text)["id"]}
        for header in (False, True):
            c = await join(s, b.agent, since=dict(since), header=header)
            await ws.until(lambda: c.said("resync"), c.words)
            head = await ws.run(ws.head_of, s, b)
            t.ok(c.said("resync")[0]["data"] == {"reason": "rewound",
                                                 "since": head}
                 and not c.events, "the other tenant's cursor at %s: resync"
                 % ("its head" if seq == max(la) else "a seq of both"),
                 c.words())
            await c.close()


async def ends(t, s, h):
    """Logout, deactivation and a role's end, with Redis up, down and
    frozen."""
    a = s.tenants[0]
    for mode, word in (("pass", "up"), ("refuse", "away"),
                       ("blackhole", "a black hole")):
        user = await ws.run(s.add_user, a)
        web = await ws.run(s.login, user)
        other = await join(s, user)
        c = [await join(s, user, web.token, header=i % 2 == 0)
             for i in range(2)]
        s.redis_proxy.set(mode)
        if mode == "refuse":
            await ws.wait(lambda: '"redis":"down"' in h.ask("GET", "/health"),
                          "Redis missed by the hub")
        r = await ws.run(web.post, "/api/v1/auth/logout", {})
        began = time.monotonic()
        await closed(t, c, began, "logout, Redis %s" % word, r)
        t.ok(other.live and not other.closes,
             "the user's other session lives on", other.words())
        await ws.run(s.sql, "UPDATE users SET active = false WHERE id = %s",
                     (user.id,))
        began = time.monotonic()
        await closed(t, [other], began, "deactivation, Redis %s" % word)
        s.redis_proxy.set("pass")
        if mode != "pass":
            s.redis_proxy.cut()
            await ws.wait(lambda: '"redis":"up"' in h.ask("GET", "/health"),
                          "Redis seen by the hub", 30)


async def closed(t, clients, began, name, detail=None):
    try:
        await ws.until(lambda: all(c.task.done() for c in clients), "", 15)
    except TimeoutError:
        pass
    late = [c.closes[-1][0] - began if c.closes else 99 for c in clients]
    t.ok(all(c.code == 4005 for c in clients) and max(late) <= ENDS_S,
         "%s: 4005 within %d s" % (name, ENDS_S),
         lambda: "%s %s %r" % (late, [c.words() for c in clients], detail))
    t.note("%s: %.2f s" % (name, max(late)))


def cpu_s(pid):
    with open("/proc/%d/stat" % pid) as f:
        parts = f.read().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


async def descriptors(t, s, h):
    """RLIMIT_NOFILE sinks under a hub at work: who is in stays in and is
    served, who comes is told 503, the loop does not spin, and when there
    are descriptors again all get in."""
    a = s.tenants[0]
    users = [await ws.run(s.add_user, a) for _ in range(5)]
    tokens = [await ws.run(s.token, u) for u in users]
    cs = [await join(s, users[i % 5], tokens[i % 5], header=i % 2 == 0)
          for i in range(20)]
    before = resource.prlimit(h.proc.pid, resource.RLIMIT_NOFILE)
    few = max(int(x) for x in os.listdir("/proc/%d/fd" % h.proc.pid)) + 1
    resource.prlimit(h.proc.pid, resource.RLIMIT_NOFILE, (few, before[1]))
    try:
        seen = {}
        for i in range(30):
            code = await verdict(s, tokens[i % 5], header=i % 2 == 0)
            seen[code] = seen.get(code, 0) + 1
        t.ok(seen.get(503, 0) >= 28 and set(seen) <= {503, 0},
             "new sockets are refused with 503", seen)
        r = await ws.run(lambda: s.client().request(
            "GET", ws.PATH, headers={
                "Authorization": "Bearer " + tokens[0],
                "Upgrade": "websocket", "Connection": "upgrade",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}))
        t.ok(r.status == 503 and r.headers.get("retry-after"),
             "which says when to try again", "%r %s" % (r, r.headers))
        knock = [ws.Client(s, users[i % 5], tokens[i % 5], header=True)
                 for i in range(25)]
        for c in knock:
            await c.start(wait=False)
        began, cpu = time.monotonic(), cpu_s(h.proc.pid)
        talk = await ws.run(ws.Talk, s, [a])
        await talk.more(80, 5)
        await talk.stop()
        took, cpu = time.monotonic() - began, cpu_s(h.proc.pid) - cpu
        await ws.check(t, s, a, cs, "the others are served meanwhile")
        t.ok(ws.p99(talk.late(cs)) < 2.5, "in time", ws.p99(talk.late(cs)))
        t.ok(cpu < 0.25 * took, "it does not spin: %.2f s of %.1f s"
             % (cpu, took))
        t.ok(not any(c.live for c in knock) and all(
            c.refusals and set(c.refusals) == {503} for c in knock),
            "who knocks all the while hears 503",
            lambda: [c.words() for c in knock][:5])
    finally:
        resource.prlimit(h.proc.pid, resource.RLIMIT_NOFILE, before)
    await ws.until(lambda: all(c.live for c in knock),
                   lambda: str([c.words() for c in knock][:3]), 20)
    t.ok(not any(c.closes for c in cs), "with descriptors all get in, and "
         "nobody was lost", lambda: [c.words() for c in cs if c.closes])
    await ws.run(s.say, a, PHONE, "to all")
    await ws.check(t, s, a, cs + knock, "all are served")
    for c in cs + knock:
        await c.close()


if __name__ == "__main__":
    tap.run(main)
