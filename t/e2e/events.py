#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The event log: dense, in commit order, saying what REST said."""

import json
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import bus
import shapes
import stack
import tap
import wa
import web

API = "/api/v1"
CONV = API + "/conversations"
WRITERS = 64


def main(t):
    with stack.Stack(pg_settings={"max_connections": 300}) as s:
        for part in (storm, frames, doorbell):
            t.head(part.__name__)
            part(t, s)
        s.check_logs(t)


class Reader(threading.Thread):
    """Reads the log as a hub does: what is behind the last seq, again and
    again.  Commit order is seq order exactly if no event ever appears below
    one that was already seen."""

    def __init__(self, s, tenant):
        super().__init__(daemon=True)
        self.db = s.pg.connect()
        self.tenant = tenant
        self.seen = []
        self.holes = []
        self.going = True

    def run(self):
        cur = self.db.cursor()
        last = 0
        while self.going:
            cur.execute("SELECT seq FROM event_log WHERE tenant_id = %s AND "
                        "seq > %s ORDER BY seq", (self.tenant.id, last))
            for (seq,) in cur.fetchall():
                if seq != last + 1:
                    self.holes.append((last, seq))
                self.seen.append(seq)
                last = seq
        self.db.close()


def storm(t, s):
    """64 writers per tenant: replies, webhooks, and transactions of raw SQL
    of which most roll back; every fifth in all."""
    rounds = tap.size(12, 80)
    tenants = [s.add_tenant("Storm %d" % i) for i in range(2)]
    failed = []
    rolled, busy = [0], [0]
    lock = threading.Lock()

    def persist(send, good):
        """A busy machine may say 503 or 409: the same is sent again."""
        for _ in range(60):
            r = send()
            if r.status == good:
                return
            if r.status not in (503, 409):
                break
            with lock:
                busy[0] += 1
        failed.append(r)

    def writer(ten, kind, token, conv):
        client = s.client(token)
        db = s.pg.connect() if kind == "sql" else None
        known = wa.phone()
        for n in range(rounds):
            if kind == "rest":
                persist(lambda key=stack.uuid7(): client.request(
                    "POST", "%s/%s/messages" % (CONV, conv),
                    body=b'{"content":"n"}',
                    headers={"Idempotency-Key": key}), 201)
            elif kind == "hook":
                # By turns: strangers, and one message of who is known.
                raw = wa.dump(wa.body(wa.value(ten.number, [
                    wa.text(p, "w") for p in (
                        [known] if n % 2 else (wa.phone(), known))])))
                persist(lambda: client.post(
                    API + "/webhooks/whatsapp", body=raw,
                    headers={"X-Hub-Signature-256": wa.sign(s.app_secret,
                                                            raw)}), 200)
            else:
                db.autocommit = False
                cur = db.cursor()
                cur.execute("UPDATE tenant_event_head SET seq = seq + 1, "
                            "id = %s WHERE tenant_id = %s RETURNING seq",
                            (stack.uuid7(), ten.id))
                if random.random() < 0.9:
                    db.rollback()
                    with lock:
                        rolled[0] += 1
                else:
                    seq = cur.fetchone()[0]
                    eid = stack.uuid7()
                    cur.execute("UPDATE tenant_event_head SET id = %s WHERE "
                                "tenant_id = %s", (eid, ten.id))
                    cur.execute("INSERT INTO event_log VALUES (%s, %s, %s, "
                                "to_timestamp(%s), 'test', NULL, '{}')",
                                (ten.id, seq, eid,
                                 stack.uuid_ms(eid) / 1000.0))
                    db.commit()
        if db:
            db.close()
        client.close()

    jobs = []
    for ten in tenants:
        c = s.login(ten.agent)
        s.say(ten, wa.phone(), "hi")
        conv = c.get(CONV).json["data"][0]["id"]
        kinds = ["rest"] * 30 + ["hook"] * 19 + ["sql"] * 15
        jobs += [(ten, k, c.token, conv) for k in kinds]
    assert len(jobs) == WRITERS * len(tenants)
    readers = [Reader(s, ten) for ten in tenants]
    for r in readers:
        r.start()
    web.parallel(len(jobs), lambda i: writer(*jobs[i]))
    total = WRITERS * len(tenants) * rounds
    t.note("%d of %d writes were sent again" % (busy[0], total))
    t.ok(not failed, "64 writers per tenant: each is served", failed[:3])
    t.ok(rolled[0] > 0.18 * total, "one in five rolled back",
         "%d of %d" % (rolled[0], total))
    for ten, r in zip(tenants, readers):
        head = s.one("SELECT seq FROM tenant_event_head WHERE tenant_id = "
                     "%s", (ten.id,))
        stack.wait_until(lambda: len(r.seen) >= head, 10, "the reader")
        r.going = False
        r.join(10)
        s.check_events(t, ten, "%s: seq is dense from 1 to %d"
                       % (ten.name, head))
        t.ok(not r.holes and r.seen == list(range(1, head + 1)),
             "%s: a reader that followed met no hole and nothing late: "
             "commit order" % ten.name, r.holes[:5])
        n = s.one("SELECT count(*) FROM messages WHERE tenant_id = %s",
                  (ten.id,))
        ev = s.one("SELECT count(*) FROM event_log WHERE tenant_id = %s AND "
                   "event LIKE 'message%%'", (ten.id,))
        t.eq(ev, n, ten.name + ": one event a message")


def frames(t, s):
    """What the event says is what REST said then, id and times agree."""
    ten = s.add_tenant("Frames")
    c = s.login(ten.agent)
    phone = wa.phone()
    answers = {}
    s.say(ten, phone, "d\u00e9j\u00e0 \u2028 \U0001f600 \u0001 </script>")
    conv = c.get(CONV).json["data"][0]
    target = "%s/%s/messages" % (CONV, conv["id"])
    first = c.get(target).json["data"][0]
    answers[first["id"]] = (first, c.get(CONV + "/" + conv["id"]).json)

    def keep(m):
        answers[m["id"]] = (m, c.get(CONV + "/" + conv["id"]).json)

    keep(c.post(target, {"content": "a \"quote\" and \\ \t tab"}).json)
    keep(c.post(target, {"content": "\U0001f469\u200d\U0001f4bb"}).json)
    for body in ("one", "two \u00e9", "x" * 5000):
        mid = s.say(ten, phone, body)
        m = next(x for x in c.get(target).json["data"]
                 if x["whatsapp_message_id"] == mid)
        keep(m)
    keep(c.post(CONV, {"contact_id": conv["contact"]["id"],
                       "initial_message": "from create"})
         and c.get(target).json["data"][0])

    rows = s.sql("SELECT seq, id::text, created_at, event, "
                 "conversation_id::text, frame FROM event_log WHERE "
                 "tenant_id = %s ORDER BY seq", (ten.id,))
    got, odd = 0, []
    for seq, eid, created, event, conv_id, frame in rows:
        f = json.loads(frame)
        e = shapes.fits(shapes.EVENT, f)
        if e:
            odd.append((frame, e))
            continue
        at = round(created.timestamp() * 1000)
        if not (f["seq"] == seq and f["id"] == eid and f["event"] == event
                and f["conversation_id"] == conv_id
                and stack.uuid_ms(eid) == at
                and shapes.ms(f["timestamp"]) == at):
            odd.append((seq, "ids and times", frame[:300], at))
        if event in ("message_received", "message_sent"):
            data = dict(f["data"])
            brief = data.pop("conversation")
            want, then = answers[data["id"]]
            if data != want:
                odd.append((seq, "data", data, want))
            e = shapes.fits(shapes.BRIEF, brief)
            if e or brief != {k: then[k] for k in shapes.BRIEF}:
                odd.append((seq, "conversation", e, brief, then))
            if event == "message_sent" and not (
                    shapes.ms(data["created_at"]) == stack.uuid_ms(
                        data["id"]) == at):
                odd.append((seq, "the message's time is the event's", data))
            if (event == "message_received" and stack.uuid_ms(data["id"])
                    != shapes.ms(data["created_at"])):
                odd.append((seq, "the id holds WhatsApp's time", data))
            got += 1
    t.eq(got, len(answers), "every message has its event")
    t.ok(not odd, "data equals, as JSON, what REST returned; ids, seq and "
                  "times agree", odd[:3])

    m = c.post(target, {"content": "ticks"}).json
    mid = wa.wamid()
    for i, st in enumerate(("sent", "failed", "read")):
        s.hook(wa.body(wa.value(ten.number, statuses=[wa.status(
            mid, st, int(time.time()) + i, phone,
            biz_opaque_callback_data=m["id"])])))
        f = json.loads(s.one("SELECT frame FROM event_log WHERE tenant_id = "
                             "%s ORDER BY seq DESC LIMIT 1", (ten.id,)))
        rest = c.get(target).json["data"][0]
        want = {k: rest[k] for k in ("id", "conversation_id",
                                     "whatsapp_message_id", "status",
                                     "error")}
        t.eq((f["event"], f["data"]), ("message_status_updated", want),
             "a status event says what REST says: " + st)

    raw = "".join(r[5] for r in rows)
    t.ok(not any(ord(ch) < 32 for ch in raw), "no mark is left in a frame")

    # A customer cannot forge a mark: they are control characters.
    s.say(ten, phone, "\u0001\u0003\u0004 marks")
    f = json.loads(s.one("SELECT frame FROM event_log WHERE tenant_id = %s "
                         "ORDER BY seq DESC LIMIT 1", (ten.id,)))
    rest = [m["content"] for m in c.get(target + "?limit=100").json["data"]
            if m["id"] == f["data"]["id"]]
    t.eq([f["data"]["content"]], rest,
         "control characters in a text stay text")
    t.ok(rest[0].endswith(" marks"), "whatever they are", rest)


def doorbell(t, s):
    """After the commit, Redis hears seq and frame."""
    ten = s.add_tenant("Bell")
    c = s.login(ten.agent)
    sub = s.redis().pubsub(ignore_subscribe_messages=True)
    sub.subscribe("ev:" + ten.id)

    def hear(n):
        out = []
        end = time.monotonic() + 5
        while len(out) < n and time.monotonic() < end:
            m = sub.get_message(timeout=0.5)
            if m:
                text = m["data"]
                if b" " in text:
                    text = bus.open_seal(s.jwt_secret, "ev:" + ten.id, text)
                out.append(text.decode() if text else "not signed")
        return out

    sub.get_message(timeout=1)
    phone = wa.phone()
    s.say(ten, phone, "ding")
    conv = c.get(CONV).json["data"][0]["id"]
    c.post("%s/%s/messages" % (CONV, conv), {"content": "dong"})
    s.say(ten, phone, "y" * 9000)
    s.hook(wa.body(wa.value(ten.number, [wa.text(phone, "a"),
                                         wa.text(phone, "b")])))
    got = hear(5)
    rows = s.sql("SELECT seq, frame FROM event_log WHERE tenant_id = %s "
                 "ORDER BY seq", (ten.id,))
    want = ["%d %s" % r if len(r[1].encode()) <= 8192 else str(r[0])
            for r in rows]
    t.eq(sorted(x.strip() for x in got), sorted(want),
         "every event was published, signed; a long one as its seq alone")
    sub.close()


tap.run(main)
