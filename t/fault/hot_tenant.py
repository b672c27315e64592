#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""A tenant whose head row is locked for five seconds delays only itself."""

import os
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


def main(t):
    with stack.Stack(tenants=6) as s:
        hot(t, s)
        s.check_logs(t)


class Steady(threading.Thread):
    """One tenant's ordinary work at a steady pace."""

    def __init__(self, s, ten):
        super().__init__(daemon=True)
        self.s, self.ten = s, ten
        self.client = s.client(s.token(ten.agent))
        s.say(ten, wa.phone(), "hi")
        self.conv = self.client.get(CONV).json["data"][0]["id"]
        self.going = True
        self.times, self.bad = [], []

    def run(self):
        due = time.monotonic()
        while self.going:
            raw = wa.dump(wa.body(wa.value(self.ten.number, [
                wa.text(wa.phone(), "s")])))
            for call in (
                    lambda: self.client.get(CONV + "?limit=20"),
                    lambda: self.client.post("%s/%s/messages" % (
                        CONV, self.conv), {"content": "s"}),
                    lambda: self.client.post(HOOK, body=raw, headers={
                        "X-Hub-Signature-256": wa.sign(self.s.app_secret,
                                                       raw)})):
                r = call()
                self.times.append((time.monotonic(), r.ms))
                if r.status not in (200, 201):
                    self.bad.append(r)
                due += 0.025
                time.sleep(max(0.0, due - time.monotonic()))


def p99(steady, since, until):
    return web.percentile([ms for x in steady for at, ms in x.times
                           if since < at <= until], 99)


def hot(t, s):
    victim, others = s.tenants[0], s.tenants[1:]
    steady = [Steady(s, ten) for ten in others]
    token = s.token(victim.agent)
    s.say(victim, wa.phone(), "hi")
    conv = s.client(token).get(CONV).json["data"][0]["id"]
    answers = []
    hammering = [True]

    def hammer(i):
        """The victim's clients, who do not wait politely."""
        c = s.client(token)
        while hammering[0]:
            if i % 2:
                r = c.post("%s/%s/messages" % (CONV, conv),
                           {"content": "hot"})
            else:
                raw = wa.dump(wa.body(wa.value(victim.number, [
                    wa.text(wa.phone(), "hot")])))
                r = c.post(HOOK, body=raw, headers={
                    "X-Hub-Signature-256": wa.sign(s.app_secret, raw)})
            answers.append((time.monotonic(), r))
            time.sleep(0.02)

    for x in steady:
        x.start()
    crowd = [threading.Thread(target=hammer, args=(i,), daemon=True)
             for i in range(24)]
    for th in crowd:
        th.start()
    stack.wait_until(lambda: all(len(x.times) > 30 for x in steady), 20,
                     "steady work")
    begin = time.monotonic()
    stack.wait_until(lambda: time.monotonic() > begin + tap.size(5, 15), 60,
                     "a base line")
    locked = time.monotonic()
    base = p99(steady, begin, locked)

    db = s.pg.connect()
    db.autocommit = False
    db.cursor().execute("UPDATE tenant_event_head SET seq = seq WHERE "
                        "tenant_id = %s", (victim.id,))
    held = time.monotonic()
    stack.wait_until(lambda: time.monotonic() > held + 5, 10, "5 s")
    db.rollback()
    freed = time.monotonic()
    db.close()
    during = p99(steady, held, freed)
    t.note("p99 of the others: %.1f ms before, %.1f ms while locked"
           % (base, during))
    t.ok(during < max(3 * base, base + 60),
         "the others' p99 is unmoved", "%.1f -> %.1f ms" % (base, during))
    t.ok(not any(x.bad for x in steady), "none of theirs is refused",
         [x.bad[:2] for x in steady if x.bad])

    def works():
        return s.client(token).post("%s/%s/messages" % (CONV, conv),
                                    {"content": "after"}).status == 201
    stack.wait_until(works, 5, "the victim's return")
    t.ok(time.monotonic() - freed < 3, "the victim goes on at once")
    hammering[0] = False
    for th in crowd:
        th.join(10)
    for x in steady:
        x.going = False
    for x in steady:
        x.join(10)
    mine = [r for at, r in answers if held < at <= freed]
    t.ok(mine and {r.status for r in mine} <= {200, 201, 503},
         "the victim waits or is told 503", mine[:3])
    refused = [r for r in mine if r.status == 503]
    t.ok(refused and all("retry-after" in r.headers for r in refused),
         "with Retry-After", refused[:2])
    t.ok(max(r.ms for r in mine) < 2000, "within 2 s each",
         max(r.ms for r in mine))
    s.check_events(t, victim, "its event log is dense")
    n = s.one("SELECT count(*) FROM messages WHERE tenant_id = %s",
              (victim.id,))
    ev = s.one("SELECT count(*) FROM event_log WHERE tenant_id = %s",
               (victim.id,))
    t.eq(n, ev, "one event a message")


tap.run(main)
