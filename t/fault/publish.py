#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Workers killed between COMMIT and PUBLISH, and at random, under load:
nothing acknowledged is lost, nothing is doubled."""

import os
import random
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
    for point in ("pg.after_commit", "publish.before"):
        t.head("killed at " + point)
        with stack.Stack(build="build-faults", nginx_env={
                "PYTAKE_FAULT": point + ":kill:25"}) as s:
            load(t, s, "killed at " + point, tap.size(5, 30),
                 lambda: None, min_deaths=tap.size(3, 15))
            s.check_logs(t)
    t.head("killed at random")
    with stack.Stack() as s:
        def kill():
            ws = s.nginx.workers(exiting=False)
            if len(ws) == s.workers:
                s.nginx.kill_worker(random.choice(ws))
        load(t, s, "killed at random", tap.size(6, 30), kill,
             min_deaths=tap.size(5, 25))
        s.check_logs(t)


class Sender:
    """A client as they should be: it repeats what had no answer, the same
    webhook, the same Idempotency-Key, until it is acknowledged."""

    def __init__(self, s, ten, token, conv, end):
        self.s, self.ten, self.conv, self.end = s, ten, conv, end
        self.client = s.client(token)
        self.wamids, self.replies, self.odd = [], [], []
        self.repeats = 0

    def persist(self, send, good):
        for _ in range(200):
            try:
                r = send()
                if r.status == good:
                    return r
                if r.status not in (503, 409):
                    self.odd.append(r)
                    return None
            except (OSError, web.Closed):
                pass
            self.repeats += 1
            time.sleep(0.01)
        self.odd.append("never acknowledged")
        return None

    def run(self):
        while time.monotonic() < self.end:
            ms = [wa.text(wa.phone(), "w") for _ in range(2)]
            raw = wa.dump(wa.body(wa.value(self.ten.number, ms)))
            if self.persist(lambda: self.client.post(
                    HOOK, body=raw, headers={"X-Hub-Signature-256": wa.sign(
                        self.s.app_secret, raw)}), 200):
                self.wamids += [m["id"] for m in ms]
            key = stack.uuid7()
            r = self.persist(lambda: self.client.request(
                "POST", "%s/%s/messages" % (CONV, self.conv),
                body=b'{"content":"%s"}' % key.encode(),
                headers={"Idempotency-Key": key}), 201)
            if r:
                self.replies.append((key, r.json["id"]))


def load(t, s, name, seconds, kill, min_deaths):
    ten = s.tenants[0]
    token = s.token(ten.agent)
    s.say(ten, wa.phone(), "first")
    conv = s.client(token).get(CONV).json["data"][0]["id"]
    end = time.monotonic() + seconds
    senders = [Sender(s, ten, token, conv, end) for _ in range(16)]
    heard = []
    sub = s.redis().pubsub(ignore_subscribe_messages=True)
    sub.subscribe("ev:" + ten.id)
    going = [True]

    def listen():
        while going[0]:
            m = sub.get_message(timeout=0.2)
            if m:
                heard.append(int(m["data"].split()[0]))

    def reaper():
        while time.monotonic() < end:
            kill()
            time.sleep(random.uniform(0.1, 0.5))

    threads = [threading.Thread(target=f, daemon=True)
               for f in (listen, reaper)]
    for th in threads:
        th.start()
    web.parallel(len(senders), lambda i: senders[i].run())
    threads[1].join(10)

    deaths = len(s.nginx.log_lines(r"exited on signal 9"))
    t.ok(deaths >= min_deaths, "%s: workers did die" % name,
         "%d deaths" % deaths)
    t.note("%d deaths, %d repeats" % (deaths, sum(x.repeats
                                                  for x in senders)))
    t.ok(not any(x.odd for x in senders),
         name + ": a client that repeats is always served",
         [x.odd[:2] for x in senders if x.odd][:4])
    wamids = [y for x in senders for y in x.wamids]
    replies = dict(y for x in senders for y in x.replies)
    rows = s.sql("SELECT whatsapp_message_id, count(*) FROM messages WHERE "
                 "tenant_id = %s AND sender_type = 'contact' GROUP BY 1",
                 (ten.id,))
    got = dict(rows)
    t.ok(len(wamids) > 50 and all(got.get(w) == 1 for w in wamids),
         "%s: %d acknowledged webhook messages, each stored once"
         % (name, len(wamids)),
         [(w, got.get(w)) for w in wamids if got.get(w) != 1][:5])
    rows = s.sql("SELECT content, count(*), min(id::text) FROM messages "
                 "WHERE tenant_id = %s AND sender_type = 'agent' GROUP BY 1",
                 (ten.id,))
    sent = {r[0]: r[1:] for r in rows}
    bad = [(k, v, sent.get(k)) for k, v in replies.items()
           if sent.get(k) != (1, v)]
    t.ok(len(replies) > 20 and not bad,
         "%s: %d acknowledged replies, each stored once, with the id that "
         "was told" % (name, len(replies)), bad[:5])
    t.ok(all(v[0] == 1 for v in sent.values()),
         name + ": no reply is doubled, acknowledged or not")
    n = s.one("SELECT count(*) FROM messages WHERE tenant_id = %s",
              (ten.id,))
    ev = s.sql("SELECT frame::json -> 'data' ->> 'id', count(*) FROM "
               "event_log WHERE tenant_id = %s GROUP BY 1", (ten.id,))
    t.ok(len(ev) == n and all(x[1] == 1 for x in ev),
         name + ": one event a message, even of those never published",
         "%d events, %d messages" % (len(ev), n))
    s.check_events(t, ten, name + ": seq is dense")
    t.eq(s.one("SELECT count(*) FROM outbox WHERE tenant_id = %s",
               (ten.id,)), len(sent), name + ": one outbox row a reply")
    # One more event rings; lost doorbells only cost latency.
    for _ in range(20):
        last = Sender(s, ten, token, conv, 0)
        last.persist(lambda: last.client.post(
            "%s/%s/messages" % (CONV, conv), {"content": "last"}), 201)
    head = s.one("SELECT seq FROM tenant_event_head WHERE tenant_id = %s",
                 (ten.id,))
    stack.wait_until(lambda: heard and max(heard) > head - 10, 10,
                     "the bell")
    going[0] = False
    threads[0].join(5)
    t.note("%d of %d events rung" % (len(set(heard)), head))
    t.ok(len(heard) == len(set(heard)) and max(heard) <= head,
         name + ": no bell rings twice, none without its event",
         "%d %d" % (len(heard), len(set(heard))))

    def left():
        return [b for b in s.pg.backends() if b[1] != "idle"]
    stack.wait_until(lambda: not left(), 10, "idle backends")
    t.ok(True, name + ": no backend is left in a transaction")


tap.run(main)
