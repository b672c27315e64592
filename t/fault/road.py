#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The road both ways while NGINX's workers, the sidecar and Redis are killed,
at random and at fault points (between COMMIT and PUBLISH, between claim and
call, between answer and commit): no acknowledged webhook is lost, no message
is twice on the phone, none is forgotten."""

import itertools
import os
import random
import sys
import threading
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
SECONDS = tap.size(15, 60)
PHONES = tap.size(40, 160)  # each takes 45 at once, then ten a minute
FAULTS = ["courier.claimed:kill:%d", "courier.answered:kill:%d",
          "publish.before:kill:%d", ""]


class Sidecar:
    """pytake serve, dying at another fault point each time."""

    def __init__(self, s):
        self.s = s
        self.deaths = 0
        self.at_fault = 0
        self.next = itertools.cycle(FAULTS)
        self.serve = s.serve(roles="hub,courier,jobs", env=self.fault())

    def fault(self):
        f = next(self.next)
        return {"PYTAKE_FAULT": f % random.randint(3, 25) if f else ""}

    def tend(self, kill=False):
        if kill:
            self.serve.kill()
        if self.serve.proc.poll() is not None:
            self.deaths += 1
            self.at_fault += not kill
            self.serve.more = self.fault()
            self.serve.start(wait=False)

    def settle(self):
        self.serve.kill()
        self.serve.more = {}
        self.serve.start()


class Agent:
    """A client as they should be: it repeats what had no answer with the
    same Idempotency-Key."""

    def __init__(self, s, ten, token, convs, end):
        self.client = s.client(token)
        self.convs, self.end = convs, end
        self.replies, self.odd = [], []

    def run(self):
        while time.monotonic() < self.end:
            key = stack.uuid7()
            conv = random.choice(self.convs)
            r = self.persist(conv, key)
            if r is not None:
                self.replies.append((r.json["id"], conv, key))
            time.sleep(0.05)

    def persist(self, conv, key):
        for _ in range(400):
            try:
                r = self.client.request(
                    "POST", "%s/%s/messages" % (CONV, conv),
                    body=b'{"content":"%s"}' % key.encode(),
                    headers={"Idempotency-Key": key})
                if r.status == 201:
                    return r
                if r.status not in (503, 409):
                    self.odd.append(r)
                    return None
            except (OSError, web.Closed):
                pass
            time.sleep(0.02)
        self.odd.append("never acknowledged")
        return None


def main(t):
    with stack.Stack(build="build-faults", nginx_env={
            "PYTAKE_FAULT": "publish.before:kill:40"}) as s:
        sim = simlib.Sim(s)
        try:
            road(t, s, sim)
        finally:
            sim.stop()


def road(t, s, sim):
    ten = s.tenants[0]
    token = s.token(ten.agent)
    sim.config(sent_ms=20, delivered_ms=80, read_ms=200, retry_ms=100)
    side = Sidecar(s)
    phones = [wa.phone() for _ in range(PHONES)]
    for p in phones:
        sim.customer(ten, p, "first")
    wait_until(lambda: s.one("SELECT count(*) FROM conversations")
               == PHONES, 30, "the conversations")
    convs = [r[0] for r in s.sql("SELECT id::text FROM conversations")]
    end = time.monotonic() + SECONDS
    agents = [Agent(s, ten, token, convs, end) for _ in range(4)]
    redis_deaths = [0]

    def customers():
        while time.monotonic() < end:
            sim.customer(ten, random.choice(phones), "c")
            time.sleep(0.03)

    def reaper():
        while time.monotonic() < end:
            time.sleep(random.uniform(0.2, 0.8))
            side.tend()
            what = random.random()
            ws = s.nginx.workers(exiting=False)
            if what < 0.4 and len(ws) == s.workers:
                s.nginx.kill_worker(random.choice(ws))
            elif what < 0.6:
                side.tend(kill=True)
            elif what < 0.75:
                s.stop_redis()
                redis_deaths[0] += 1
                time.sleep(random.uniform(0, 0.5))
                s.start_redis()

    threads = [threading.Thread(target=f, daemon=True)
               for f in (customers, reaper)]
    for th in threads:
        th.start()
    web.parallel(len(agents), lambda i: agents[i].run())
    for th in threads:
        th.join(30)

    deaths = len(s.nginx.log_lines(r"exited on signal 9"))
    t.ok(deaths >= 3 and side.deaths >= 3 and side.at_fault >= 1
         and redis_deaths[0] >= 1,
         "workers, sidecar and Redis did die",
         (deaths, side.deaths, side.at_fault, redis_deaths))
    t.note("deaths: %d workers, %d sidecars (%d at a fault point), %d Redis"
           % (deaths, side.deaths, side.at_fault, redis_deaths[0]))
    t.ok(not any(a.odd for a in agents), "a client that repeats is served",
         [a.odd[:2] for a in agents])

    # All is well again.  What dead couriers held gets old.
    side.settle()
    wait_until(lambda: sim.state()["webhooks_pending"] == 0, 60,
               "WhatsApp's retries")
    s.sql("UPDATE outbox SET claimed_at = claimed_at - interval '2 minutes' "
          "WHERE claimed_at IS NOT NULL")

    def settled():
        return s.one("SELECT count(*) FROM outbox WHERE unknown_at IS NULL "
                     "OR unknown_at > now() - interval '2 seconds'") == 0
    wait_until(settled, 90, "the outbox")
    wait_until(lambda: sim.state()["webhooks_pending"] == 0, 30, "statuses")
    inbound(t, s, sim, ten)
    outbound(t, s, sim, [x for a in agents for x in a.replies])
    s.check_events(t, ten, "seq is dense")
    s.check_logs(t)


def inbound(t, s, sim, ten):
    sent = [m["id"] for p in sim.state()["phones"] for m in p["messages"]
            if m["direction"] == "out"]
    got = dict(s.sql("SELECT whatsapp_message_id, count(*) FROM messages "
                     "WHERE sender_type = 'contact' GROUP BY 1"))
    bad = [(w, got.get(w)) for w in sent if got.get(w) != 1]
    t.ok(len(sent) > 100 and not bad and len(got) == len(sent),
         "%d customers' messages, each stored once" % len(sent), bad[:5])
    t.eq(s.one("SELECT count(*) FROM event_log WHERE event = "
               "'message_received' AND tenant_id = %s", (ten.id,)),
         len(sent), "each is one event")


def outbound(t, s, sim, replies):
    t.eq(sim.twice(), {}, "no message is twice on the phone")
    phone = {m["opaque"]: m for p in sim.state()["phones"]
             for m in p["messages"] if m["direction"] == "in"}
    rows = {r[0]: r[1:] for r in s.sql(
        "SELECT id::text, status, error ->> 'code', content, "
        "whatsapp_message_id FROM messages WHERE sender_type = 'agent'")}
    t.ok(all(rows.get(mid, ())[2:3] == (key,) for mid, _, key in replies),
         "%d acknowledged replies are stored" % len(replies))
    good = {"sent", "delivered", "read"}
    arrived = [m for m in rows if m in phone]
    missing = [m for m in rows if m not in phone]
    t.ok(all(rows[m][0] in good and rows[m][1] is None
             and rows[m][3] == phone[m]["id"] for m in arrived),
         "%d are on the phone, and said to be" % len(arrived),
         [(m, rows[m]) for m in arrived if rows[m][0] not in good
          or rows[m][1] or rows[m][3] != phone[m]["id"]][:5])
    t.ok(all(rows[m][:2] == ("pending", "outcome_unknown")
             for m in missing),
         "%d are not, and explain themselves" % len(missing),
         [(m, rows[m]) for m in missing][:5])
    t.ok(len(arrived) > len(missing), "most arrive")
    told = {}
    for mid, status in s.sql(
            "SELECT frame::json -> 'data' ->> 'id', frame::json -> 'data' "
            "->> 'status' FROM event_log WHERE event IN ('message_sent', "
            "'message_status_updated') ORDER BY seq"):
        told.setdefault(mid, []).append(
            ("pending", "sent", "failed", "delivered", "read").index(status))
    t.ok(told and all(x == sorted(x) for x in told.values()),
         "no tick ever turned back")
    s.sql("UPDATE outbox SET unknown_at = unknown_at - interval '25 hours'")
    wait_until(lambda: s.one("SELECT count(*) FROM outbox") == 0, 60,
               "the end of the unknown")
    left = s.sql("SELECT id FROM messages WHERE sender_type = 'agent' AND "
                 "(status = 'pending' OR (status = 'failed' AND error IS "
                 "NULL))")
    t.eq(left, [], "a day later nothing is pending, failures say why")


tap.run(main)
