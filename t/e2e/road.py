#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The road both ways: a customer types, an agent answers by REST, the answer
is on the phone once, the ticks come back; and what WhatsApp's refusals and
silences do."""

import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import sim as simlib
import stack
import tap
import wa
import web
from stack import wait_until

CONV = "/api/v1/conversations"
TALKS, ROUNDS = 8, 12
RANK = {"pending": 0, "sent": 1, "failed": 2, "delivered": 3, "read": 4}
REFUSED = 'pytake_courier_outcomes_total{outcome="retry_number"}'
QUICK = {"sent_ms": 20, "delivered_ms": 60, "read_ms": 120, "duplicates": 1,
         "reorder": False, "fault": None}


class Road:
    """A stack with simulator and courier, and an agent."""

    def __init__(self, s, build=None):
        self.s = s
        self.ten = s.tenants[0]
        self.sim = simlib.Sim(s)
        self.serve = s.serve(roles="hub,courier,jobs", build=build)
        self.agent = s.client(s.token(self.ten.agent))

    def talk(self, text="hi", ten=None, agent=None):
        """A new customer writes; (wa_id, conversation id)."""
        ten, agent = ten or self.ten, agent or self.agent
        who = wa.phone()
        self.sim.customer(ten, who, text, name="Customer " + who[-4:])

        def find():
            for c in agent.get(CONV + "?limit=100").json["data"]:
                if c["contact"]["phone"] == "+" + who:
                    return c["id"]
            return None
        return who, wait_until(find, 10, "the conversation")

    def reply(self, conv, text, agent=None, **more):
        r = (agent or self.agent).post("%s/%s/messages" % (CONV, conv),
                                       dict(more, content=text))
        assert r.status == 201, r
        return r.json["id"]

    def message(self, conv, mid):
        for m in self.agent.get("%s/%s/messages" % (CONV, conv)
                                ).json["data"]:
            if m["id"] == mid:
                return m
        return None

    def until(self, conv, mid, status, timeout=15):
        wait_until(lambda: self.message(conv, mid)["status"] == status,
                   timeout, "status " + status)
        return self.message(conv, mid)

    def statuses(self, mid):
        """The statuses that clients were told, in order."""
        return [r[0] for r in self.s.sql(
            "SELECT frame::json -> 'data' ->> 'status' FROM event_log "
            "WHERE tenant_id = %s AND frame::json -> 'data' ->> 'id' = %s "
            "ORDER BY seq", (self.ten.id, mid))]

    def outbox(self):
        return self.s.one("SELECT count(*) FROM outbox")


def rising(statuses):
    ranks = [RANK[x] for x in statuses]
    return ranks == sorted(ranks)


def main(t):
    drive(t, None, (job, order, receipts, refusals, pace, silence, token,
                    couriers, farewell, redis_away, watchdog, unreachable))
    drive(t, "build-asan", (job, load, receipts, refusals, token, farewell,
                            redis_away))


def drive(t, build, parts):
    """The parts, with the sidecar of that build folder."""
    with stack.Stack() as s:
        r = Road(s, build)
        try:
            for part in parts:
                t.head(part.__name__.replace("_", " ")
                       + (" (%s)" % build if build else ""))
                r.sim.config(**QUICK)
                part(t, r)
            t.eq(r.sim.twice(), {}, "no message was twice on a phone")
            s.check_events(t, r.ten, "seq is dense")
            s.check_logs(t)
        finally:
            r.sim.stop()


def job(t, r):
    who, conv = r.talk("I need help")
    m = r.agent.get("%s/%s/messages" % (CONV, conv)).json["data"]
    t.eq([(x["content"], x["sender_type"]) for x in m],
         [("I need help", "contact")], "what was typed is in REST")
    t.eq(r.s.one("SELECT count(*) FROM event_log WHERE conversation_id = %s "
                 "AND event = 'message_received'", (conv,)), 1,
         "and is one event")
    began = time.monotonic()
    mid = r.reply(conv, "How can I help? \u00e9\u4e16\U0001f600",
                  reply_to=m[0]["id"])
    got = wait_until(lambda: r.sim.phone(r.ten, who), 10, "the answer")
    t.note("on the phone after %.0f ms"
           % ((time.monotonic() - began) * 1000))
    t.eq([x["text"] for x in got], ["How can I help? \u00e9\u4e16\U0001f600"],
         "the answer is on the phone")
    t.eq((got[0]["opaque"], got[0]["reply_to"]),
         (mid, m[0]["whatsapp_message_id"]),
         "with our id, quoting what was typed")
    m = r.until(conv, mid, "read")
    t.eq((m["whatsapp_message_id"], m["error"]), (got[0]["id"], None),
         "its wamid is kept")
    told = r.statuses(mid)
    t.ok(told[0] == "pending" and told[-1] == "read" and rising(told),
         "the ticks only rise", told)
    t.eq(r.outbox(), 0, "the outbox is empty")
    t.ok(r.serve.metric('pytake_courier_outcomes_total{outcome="sent"}')
         >= 1, "the hub's socket has the courier's metrics")


def order(t, r):
    talks = [r.talk() for _ in range(4)]
    want = ["m%d" % i for i in range(8)]
    for text in want:
        for _, conv in talks:
            r.reply(conv, text)
    wait_until(lambda: all(len(r.sim.texts(r.ten, who)) >= len(want)
                           for who, _ in talks), 30, "all of it")
    t.ok(all(r.sim.texts(r.ten, who) == want for who, _ in talks),
         "a conversation's answers arrive in order")


def load(t, r):
    """Many at once, among refusals and silences of all kinds."""
    talks = [r.talk() for _ in range(TALKS)]
    want = ["m%d" % i for i in range(ROUNDS)]
    r.sim.fault("error", code=130429, times=6)

    def speak(i):
        agent = r.s.client(r.s.token(r.ten.agent))
        for text in want:
            r.reply(talks[i][1], text, agent=agent)
            if i == 0 and text == want[3]:
                r.sim.fault("error", code=131000, times=5)
            if i == 0 and text == want[7]:
                r.sim.fault("drop", times=3)
    web.parallel(TALKS, speak)
    wait_until(lambda: all(len(r.sim.texts(r.ten, who)) >= ROUNDS
                           for who, _ in talks), 60, "all of it")
    t.ok(all(sorted(r.sim.texts(r.ten, who)) == sorted(want)
             for who, _ in talks), "%d answers among faults, each once"
         % (TALKS * ROUNDS))
    wait_until(lambda: r.outbox() == 0, 30, "an empty outbox")


def receipts(t, r):
    who, conv = r.talk()
    r.sim.config(reorder=True, duplicates=3, sent_ms=100, delivered_ms=100,
                 read_ms=100)
    mids = [r.reply(conv, "r%d" % i) for i in range(12)]
    for mid in mids:
        r.until(conv, mid, "read", 30)
    bad = [x for x in map(r.statuses, mids) if not rising(x)]
    t.ok(not bad, "shuffled, threefold receipts never turn a tick back",
         bad[:3])
    t.eq(len(r.sim.texts(r.ten, who)), 12, "and nothing is sent again")
    r.sim.config(**QUICK)
    r.sim.fault("late", ms=1500)
    mid = r.reply(conv, "statuses first")
    m = r.until(conv, mid, "read", 5)
    t.ok(m["whatsapp_message_id"], "statuses before the answer settle it")
    mid2 = r.reply(conv, "next")
    r.until(conv, mid2, "read")
    told = r.statuses(mid)
    t.ok(rising(told) and told.count("sent") <= 1,
         "the answer behind them changes nothing", told)


def refusals(t, r):
    who, conv = r.talk()
    r.sim.fault("error", code=131047)
    mid = r.reply(conv, "too late")
    m = r.until(conv, mid, "failed")
    t.ok(m["error"]["code"] == 131047 and "131047" in m["error"]["title"]
         and m["error"]["detail"] == "simulated",
         "131047: failed, with the reason", m)
    t.eq(r.statuses(mid), ["pending", "failed"], "and an event")
    r.sim.fault("failed", code=131026)
    mid = r.reply(conv, "accepted, then failed")
    m = r.until(conv, mid, "failed")
    t.eq(m["error"]["code"], 131026, "a failure told by a status")
    r.until(conv, r.reply(conv, "well"), "read")
    t.ok(True, "the next message goes")
    r.sim.fault("error", code=131000, times=2)
    mid = r.reply(conv, "third time")
    r.until(conv, mid, "read", 20)
    t.eq(r.sim.texts(r.ten, who).count("third time"), 1,
         "131000 twice: sent at the third try, once on the phone")
    t.eq(r.outbox(), 0, "nothing stays in the outbox")


def pace(t, r):
    who, conv = r.talk()
    other, conv2 = r.talk()
    r.sim.fault("error", code=131056, times=2, to=who)
    began = time.monotonic()
    mid = r.reply(conv, "pair")
    mid2 = r.reply(conv2, "another pair")
    r.until(conv2, mid2, "read", 4)
    t.ok(r.message(conv, mid)["status"] == "pending",
         "131056 holds up one recipient, not the number")
    r.until(conv, mid, "read", 20)
    t.ok(time.monotonic() - began >= 5, "it waits 1 s, then 4 s")
    r.sim.fault("error", code=130429)
    mid = r.reply(conv, "number")
    wait_until(lambda: not r.sim.state()["config"]["fault"]["times"], 5,
               "the refusal")
    mid2 = r.reply(conv2, "same number")
    began = time.monotonic()
    r.until(conv2, mid2, "read")
    r.until(conv, mid, "read")
    t.ok(time.monotonic() - began > 0.5,
         "130429 pauses the whole number, then all of it goes")


def silence(t, r):
    who, conv = r.talk()
    r.sim.config(sent_ms=2500, delivered_ms=2600, read_ms=2700)
    r.sim.fault("drop")
    mid = r.reply(conv, "did it arrive?")
    m = wait_until(lambda: (lambda x: x if x["error"] else None)(
        r.message(conv, mid)), 10, "an explanation")
    t.eq((m["status"], m["error"]["code"]), ("pending", "outcome_unknown"),
         "accepted, but never answered: pending, outcome_unknown")
    mid2 = r.reply(conv, "the next one")
    m = r.until(conv, mid, "read", 10)
    t.ok(m["error"] is None and m["whatsapp_message_id"],
         "the status with our id settles it", m)
    r.until(conv, mid2, "read")
    t.eq(r.sim.texts(r.ten, who), ["did it arrive?", "the next one"],
         "once on the phone, in order")
    r.sim.config(**QUICK)
    r.sim.fault("5xx")
    mid = r.reply(conv, "lost")
    wait_until(lambda: r.message(conv, mid)["error"], 10, "unknown")
    t.eq(r.message(conv, mid)["error"]["code"], "outcome_unknown",
         "a server error without an explanation is unknown, too")
    mid2 = r.reply(conv, "behind it")
    r.s.sql("UPDATE outbox SET unknown_at = unknown_at - "
            "interval '31 seconds' WHERE message_id = %s", (mid,))
    r.until(conv, mid2, "read")
    t.ok(r.message(conv, mid)["status"] == "pending",
         "it holds its followers up for 30 s only")
    r.s.sql("UPDATE outbox SET unknown_at = unknown_at - "
            "interval '25 hours' WHERE message_id = %s", (mid,))
    m = r.until(conv, mid, "failed", 30)
    t.eq((m["error"]["code"], r.sim.texts(r.ten, who).count("lost")),
         ("outcome_unknown", 0),
         "after a day without a status it is failed, never sent again")
    if tap.LONG:
        r.sim.fault("timeout")
        mid = r.reply(conv, "a long silence")
        r.until(conv, mid, "read")
        time.sleep(32)
        t.eq(r.message(conv, mid)["status"], "read",
             "a call that times out after its statuses changes nothing")


def token(t, r):
    ten2 = r.s.tenants[1]
    agent2 = r.s.client(r.s.token(ten2.agent))
    who, conv = r.talk()
    who2, conv2 = r.talk(ten=ten2, agent=agent2)
    r.sim.expect(r.ten.number, "renewed")
    mids = [r.reply(conv, "waits %d" % i) for i in range(3)]
    wait_until(lambda: r.s.one("SELECT status FROM whatsapp_configs WHERE "
                               "id = %s", (r.ten.config,)) == "stopped",
               10, "the number's stop")
    t.ok("190" in r.s.one("SELECT status_reason FROM whatsapp_configs WHERE "
                          "id = %s", (r.ten.config,)),
         "a dead token stops the number, with the reason")
    r.reply(conv2, "not mine", agent=agent2)
    wait_until(lambda: r.sim.texts(ten2, who2) == ["not mine"], 10,
               "the other tenant")
    t.ok(True, "the other tenant's number goes on")
    t.eq(r.s.one("SELECT count(*) FROM audit_log WHERE tenant_id = %s AND "
                 "action = 'number.stopped'", (r.ten.id,)), 1,
         "one line in the audit log")
    with open(r.serve.log) as f:
        alerts = [x for x in f if "is stopped" in x and r.ten.config in x]
    t.ok(len(alerts) == 1 and "[warn]" in alerts[0],
         "one alert in the log", alerts)
    t.eq({r.message(conv, m)["status"] for m in mids}, {"pending"},
         "the messages wait")
    calls = r.sim.state()["calls"]
    r.sim.token(r.ten.number, "renewed")
    for m in mids:
        r.until(conv, m, "read")
    t.eq(r.sim.texts(r.ten, who), ["waits 0", "waits 1", "waits 2"],
         "a new token starts it: they go out, once, in order")
    t.eq(r.sim.state()["calls"] - calls, 3, "with one call each")


def couriers(t, r):
    more = [r.s.serve(roles="courier", name="courier%d" % i)
            for i in range(2)]
    talks = [r.talk() for _ in range(6)]
    want = ["c%d" % i for i in range(6)]
    for text in want:
        for _, conv in talks:
            r.reply(conv, text)
    wait_until(lambda: all(len(r.sim.texts(r.ten, who)) >= len(want)
                           for who, _ in talks), 30, "all of it")
    t.ok(all(r.sim.texts(r.ten, who) == want for who, _ in talks),
         "three couriers: once, in order")
    for p in more:
        p.stop()


def farewell(t, r):
    who, conv = r.talk()
    r.sim.fault("late", ms=1500)
    mid = r.reply(conv, "under way")
    wait_until(lambda: r.sim.texts(r.ten, who), 10, "the call")
    began = time.monotonic()
    r.serve.stop()
    t.ok(r.serve.proc.returncode == 0 and time.monotonic() - began < 9,
         "SIGTERM: the courier ends by itself", r.serve.words)
    t.eq(r.s.one("SELECT count(*) FROM outbox WHERE message_id = %s", (mid,)),
         0, "and keeps the outcome of the call under way")
    mid2 = r.reply(conv, "meanwhile")
    r.serve.start()
    r.until(conv, mid2, "read")
    t.eq(r.sim.texts(r.ten, who), ["under way", "meanwhile"],
         "what came meanwhile goes at the next start")


def redis_away(t, r):
    who, conv = r.talk()
    r.s.stop_redis()
    began = time.monotonic()
    mid = r.reply(conv, "without a bell")
    r.until(conv, mid, "read")
    took = time.monotonic() - began
    t.ok(took < 4, "Redis away: the outbox is looked at every second",
         "%.1f s" % took)
    r.s.start_redis()


def raw_backend(port, name):
    """A backend that waits in the middle of a batch: no Sync."""
    c = socket.create_connection(("127.0.0.1", port), timeout=60)
    words = b"".join(x.encode() + b"\0" for x in (
        "user", stack.WORKER, "database", "pytake", "application_name",
        name)) + b"\0"
    c.sendall(struct.pack("!ii", len(words) + 8, 196608) + words)
    seen = b""
    while b"Z\0\0\0\5I" not in seen:
        seen += c.recv(65536)
    for kind, body in ((b"P", b"\0SELECT 1\0\0\0"),
                       (b"B", b"\0\0\0\0\0\0\0\0"),
                       (b"E", b"\0\0\0\0\0"), (b"H", b"")):
        c.sendall(kind + struct.pack("!i", len(body) + 4) + body)
    return c


def watchdog(t, r):
    def alive(name):
        return r.s.one("SELECT count(*) FROM pg_stat_activity WHERE "
                       "application_name = %s", (name,))
    ours = raw_backend(r.s.pg.port, "pytake stuck")
    theirs = raw_backend(r.s.pg.port, "somebody")
    began = time.monotonic()
    t.ok(alive("pytake stuck") and alive("somebody"), "two stuck backends")
    wait_until(lambda: not alive("pytake stuck"), 25, "the watchdog")
    t.ok(time.monotonic() - began >= 4, "ours ends, after 5 s",
         time.monotonic() - began)
    t.ok(alive("somebody"), "somebody else's does not")
    ours.close()
    theirs.close()


def unreachable(t, r):
    who, conv = r.talk()
    r.sim.stop()
    mid = r.reply(conv, "is anybody there?")
    began = r.serve.metric(REFUSED)
    wait_until(lambda: r.serve.metric(REFUSED) >= began + 2, 15, "two tries")
    t.eq((r.message(conv, mid)["status"], r.message(conv, mid)["error"]),
         ("pending", None), "WhatsApp unreachable: it waits, not unknown")
    r.s.sql("UPDATE outbox SET created_at = created_at - "
            "interval '2 minutes' WHERE message_id = %s", (mid,))
    m = wait_until(lambda: (lambda x: x if x["error"] else None)(
        r.message(conv, mid)), 30, "a reason")
    t.eq((m["status"], m["error"]["code"], r.statuses(mid)),
         ("pending", "not_sent", ["pending", "pending"]),
         "after a minute it says why, once")
    wait_until(lambda: r.s.one("SELECT claimed_at IS NULL AND attempts = 0 "
                               "FROM outbox WHERE message_id = %s", (mid,)),
               10, "no attempt counted")
    r.sim.start()
    r.until(conv, mid, "read", 90)
    t.eq(r.sim.texts(r.ten, who), ["is anybody there?"],
         "and goes when it is back")


tap.run(main)
