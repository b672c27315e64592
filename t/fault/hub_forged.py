#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Somebody else writes to Redis: events that never were, another tenant's,
old and mutilated ones, typing, presence and the ends of sessions.  Nothing
that is not in event_log reaches a socket; what is comes at once, and of what
is not signed the number is believed, no more."""

import asyncio
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import bus
import stack
import tap
import wa
import ws

LIE = "this never was"


def main(t):
    with stack.Stack() as s:
        h = s.serve(name="hub")
        far = s.serve(name="far", roles="hub")
        for part in (events, hints, speed, hubs, recorded, ends):
            t.head(part.__name__)
            asyncio.run(asyncio.wait_for(part(t, s, h, far), 120))
        s.check_logs(t)


async def join(s, user, **more):
    return await ws.Client(s, user, await ws.run(s.token, user),
                           **more).start()


def frame(seq, fid, text=LIE):
    return json.dumps({"event": "message_received", "data": {
        "content": text}, "timestamp": "2026-01-01T00:00:00.000Z",
        "conversation_id": None, "seq": seq, "id": fid},
        separators=(",", ":"))


async def heard(s, tenant, c):
    """A true event, which comes behind everything that was published."""
    mid = await ws.run(s.say, tenant, wa.phone(), "true")
    await ws.until(lambda: any(mid in text for _, text, _ in c.events),
                   c.words)


async def events(t, s, h, far):
    a, b = s.tenants[:2]
    c = await join(s, a.agent)
    r, channel, other = s.redis(), "ev:" + a.id, "ev:" + b.id
    await heard(s, a, c)

    def forged():
        seq = ws.head_of(s, a)["seq"] + 1
        text = "%d %s" % (seq, frame(seq, stack.uuid7()))
        good = bus.sign(s.jwt_secret, channel, text)
        old = bus.sign(s.jwt_secret, channel, text, 1e9)
        return {
            "without a signature": text,
            "signed with another secret": bus.sign("x" * 40, channel, text),
            "with its signature cut": good[:-1],
            "with half a signature": good[:-16],
            "with a signature of zeros": good[:-32] + b"0" * 32,
            "with a word changed": good.replace(b"never", b"maybe"),
            "with another number": good.replace(b"%d " % seq,
                                                b"%d " % (seq + 1), 1),
            "signed for another tenant": bus.sign(s.jwt_secret, other, text),
            "signed long ago": old,
            "signed in times to come": bus.sign(s.jwt_secret, channel, text,
                                                4e9)}

    for name in forged():
        await ws.run(lambda: r.publish(channel, forged()[name]))
        await heard(s, a, c)
        log = await ws.run(ws.log_of, s, a)
        t.ok(not c.faults(log) and not any(LIE in x for _, x, _ in c.events),
             "a forged event " + name + " reaches nobody",
             lambda: c.faults(log)[:3])
    fresh = await join(s, a.agent, since={"seq": 0, "id": None})
    await ws.check(t, s, a, [c, fresh], "who was there and who goes on")
    for x in (c, fresh):
        await x.close()


INSERT = """
WITH h AS (UPDATE tenant_event_head SET seq = seq + 1, id = %(id)s
           WHERE tenant_id = %(t)s RETURNING seq)
INSERT INTO event_log (tenant_id, seq, id, created_at, event, frame)
SELECT %(t)s, seq, %(id)s, now(), 'message_received',
       replace(%(frame)s, '"seq":0', '"seq":' || seq) FROM h RETURNING seq"""


async def hints(t, s, h, far):
    """A worker of an earlier version rings without a signature; and somebody
    who rings falsely for a true event."""
    a = s.tenants[0]
    c = await join(s, a.agent)
    channel = "ev:" + a.id
    for name in ("as it is", "with a lie"):
        def ring():
            fid = stack.uuid7()
            seq = s.one(INSERT, {"t": a.id, "id": fid,
                                 "frame": frame(0, fid, "rung")})
            text = ws.log_of(s, a)[seq] if name == "as it is" \
                else frame(seq, fid)
            s.redis().publish(channel, "%d %s" % (seq, text))
            return seq
        seq = await ws.run(ring)
        await ws.until(lambda: seq in c.seqs(), c.words)
    log = await ws.run(ws.log_of, s, a)
    t.ok(not c.faults(log), "an event rung without a signature comes as the "
         "log has it", lambda: c.faults(log)[:3])
    await c.close()


async def speed(t, s, h, far):
    a = s.tenants[0]
    c = await join(s, a.agent)
    await heard(s, a, c)
    before = await ws.run(h.metric, "pytake_hub_queries_total")
    talk = await ws.run(ws.Talk, s, [a], 0.0)
    await talk.more(tap.size(100, 1000))
    await talk.stop()
    await ws.check(t, s, a, [c], "signed events")
    after = await ws.run(h.metric, "pytake_hub_queries_total")
    t.eq(after - before, 0, "what is signed is not read from the log")
    late = talk.late([c])
    t.note("%d events, %.1f ms from the acknowledgement at p50, %.1f at p99"
           % (len(late), 1000 * late[len(late) // 2], 1000 * ws.p99(late)))
    await c.close()


def words(c, kind, user):
    return [m for m in c.said(kind) if m["data"]["user_id"] == user.id]


async def hubs(t, s, h, far):
    """Another hub's words, and those of nobody."""
    a, b = s.tenants[:2]
    ann = a.agent
    bob = await ws.run(s.add_user, a)
    ghost = await ws.run(s.add_user, a)
    c = await join(s, ann)
    d = await join(s, bob, sock=far.socket)
    channel, conv, r = "eph:" + a.id, stack.uuid7(), s.redis()
    await d.send({"event": "typing_start", "conversation_id": conv})
    await ws.until(lambda: words(c, "typing_start", bob), c.words)
    t.ok(True, "typing on another hub is heard")
    await ws.until(lambda: words(c, "presence_updated", bob), c.words)
    t.ok(True, "and presence")

    typing = "%s %s %s" % (conv, ghost.id, json.dumps({
        "event": "typing_start", "data": {"conversation_id": conv,
                                          "user_id": ghost.id, "name": LIE},
        "timestamp": "2026-01-01T00:00:00.000Z"}))
    there = "presence\n%s o %s\n" % (ghost.id, conv)
    who = "0123456789abcdef"
    for what in (typing, there):
        text = who + " 2 " + what
        good = bus.sign(s.jwt_secret, channel, text)
        for payload in (who + " " + what, text, good[:-1], good[:-32],
                        bus.sign("x" * 40, channel, text),
                        bus.sign(s.jwt_secret, "eph:" + b.id, text),
                        bus.sign(s.jwt_secret, channel, text, 1e9),
                        good.replace(b"0123", b"4567", 1)):
            await ws.run(r.publish, channel, payload)
    await d.send({"type": "presence", "status": "away"})
    await ws.until(lambda: any(m["data"]["status"] == "away" for m in words(
        c, "presence_updated", bob)), c.words)
    await heard(s, a, c)
    t.ok(not words(c, "typing_start", ghost)
         and not words(c, "presence_updated", ghost),
         "typing and presence that no hub signed are heard by nobody",
         c.words())
    t.ok(await ws.run(h.metric, "pytake_hub_unheard_total") >= 16,
         "and counted")
    for x in (c, d):
        await x.close()


async def recorded(t, s, h, far):
    """What a hub said once is not said again by who recorded it."""
    a = s.tenants[0]
    bob = await ws.run(s.add_user, a)
    c = await join(s, a.agent)
    d = await join(s, bob, sock=far.socket)
    sub = s.redis().pubsub(ignore_subscribe_messages=True)
    sub.subscribe("eph:" + a.id)
    conv = stack.uuid7()
    await d.send({"event": "typing_start", "conversation_id": conv})
    await ws.until(lambda: words(c, "typing_start", bob), c.words)
    await d.send({"event": "typing_stop", "conversation_id": conv})
    await ws.until(lambda: words(c, "typing_stop", bob), c.words)
    tape = []

    def rewind():
        m = sub.get_message(timeout=0.5)
        if m:
            tape.append(m["data"])
        return any(b"typing_stop" in x for x in tape)

    await ws.wait(rewind, "the tape")
    count = len(words(c, "typing_start", bob))
    for x in tape:
        await ws.run(s.redis().publish, "eph:" + a.id, x)
    await heard(s, a, c)
    t.eq(len(words(c, "typing_start", bob)), count, "a recording is no word")
    sub.close()
    for x in (c, d):
        await x.close()


async def ends(t, s, h, far):
    a = s.tenants[0]
    user = await ws.run(s.add_user, a)
    web = await ws.run(s.login, user)
    c = await ws.Client(s, user, web.token).start()
    sid = await ws.run(s.one, "SELECT id::text FROM sessions WHERE "
                       "user_id = %s", (user.id,))
    for _ in range(20):
        await ws.run(s.redis().publish, "ctl:" + a.id, "revoke " + sid)
    await heard(s, a, c)
    t.ok(c.live and not c.closes, "a session whose end is forged lives on",
         c.words())
    await ws.run(web.post, "/api/v1/auth/logout", {})
    await ws.until(lambda: c.task.done(), c.words)
    t.eq(c.code, 4005, "one that has ended closes its sockets")


if __name__ == "__main__":
    tap.run(main)
