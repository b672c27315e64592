# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""resume: 10,000 sockets of one tenant come back at once, and each has missed a
hundred events; meanwhile another tenant's events go on."""

import threading
import time

import hub
import rig
from rig import say

STORM = 7000  # a tenant of 1,000 users with ten sockets each
USERS = 1000
SOCKETS = 10000
MISSED = 100
CALM = 5      # sockets of the other tenant
RATE = 20     # events a second for it


def people(s):
    args = dict(rig.PREFIX, base=rig.BASE, storm=STORM, users=USERS)
    s.sql("CREATE OR REPLACE TEMP VIEW people_ AS SELECT %(base)s + "
          "%(storm)s AS t, %(base)s + n AS u FROM generate_series("
          "%(storm)s, %(storm)s + %(users)s - 1) n", args)
    for text in hub.PEOPLE.split(";\n"):
        s.sql(text, args)


def head(s, tenant):
    return s.sql("SELECT seq, id::text FROM tenant_event_head WHERE "
                 "tenant_id = %s", (tenant,))[0]


def once(s, h, tokens, calm):
    redis, tenant = s.redis(), rig.uid("tenant", STORM)
    hub.emit(s, redis, [tenant], 1)
    since = "?since=%d&id=%s" % head(s, tenant)
    hub.emit(s, redis, [tenant], MISSED)
    path = rig.requests_file("ws-storm", (
        hub.upgrade(hub.PATH + since, t) for t in tokens))
    queries = h.metric("pytake_hub_queries_total")
    over = threading.Event()
    said = []

    def say_on():
        while not over.wait(1 / RATE):
            said.append(hub.emit(s, redis, [rig.uid("tenant", 0)], 1))

    other = threading.Thread(target=say_on)
    other.start()
    began = time.monotonic()
    with hub.Sockets(s.port, SOCKETS, path, 1) as w:
        got = w.expect(SOCKETS * MISSED, 60)
        seconds = time.monotonic() - began
        over.set()
        other.join()
        queries = h.metric("pytake_hub_queries_total") - queries
    heard = calm.expect(CALM * len(said))
    return {"seconds": seconds, "queries": queries, "events": got["events"],
            "calm_p99_ms": heard["p99_us"] / 1000, "calm_events": len(said)}


def bench():
    say("== resume: a crowd that comes back")
    out = {}
    with rig.start(hub.edit) as s:
        h = s.serve(roles="hub", name="hub")
        out["machine"] = info = rig.machine(s)
        say(rig.machine_line(info))
        people(s)
        tokens = [hub.token(s, STORM, STORM + i) for i in range(USERS)]
        path = rig.requests_file("ws-calm", [
            hub.upgrade(hub.PATH, rig.token(s, 0))])
        with hub.Sockets(s.port, CALM, path, 1) as calm:
            rounds = [once(s, h, tokens, calm)
                      for _ in range(rig.ROUNDS)]
    out["rounds"] = rounds
    out["verdicts"] = verdicts = [
        rig.verdict(what, [r[key] for r in rounds], floor, aim, least=False,
                    form="%.1f")
        for what, key, floor, aim in (
            ("until the last has its last event, s", "seconds", 10, 5),
            ("look-ups of the event log", "queries", 5, 5),
            ("another tenant's commit -> socket, p99, ms", "calm_p99_ms",
             50, 50))]
    rig.keep("resume", out)
    return verdicts
