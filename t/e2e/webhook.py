#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Webhooks: stored before acknowledged, exactly once, one open conversation,
every item of every batch, statuses that only move up."""

import itertools
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import conf
import shapes
import stack
import tap
import wa
import web

API = "/api/v1"
CONV = API + "/conversations"
HOOK = API + "/webhooks/whatsapp"


def utc(seconds):
    """So many seconds from now, as SQL reads it."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ",
                         time.gmtime(time.time() + seconds))


# When the ingest functions are told that they run, and what was said before
# that: later than all that these tests say, on a day that has a partition.
RUN_AT, SAID_AT = utc(7200), utc(3600)


def main(t):
    with stack.Stack(conf_edit=conf.log_all) as s:
        for part in tap.parts(
                verification, signatures, stored, same_200, first_50, opposite,
                broken_items, hostile_values, two_tenants, unknown_numbers,
                odd_bodies, statuses, opposite_statuses, broken_statuses,
                both_ways, both_ways_of_statuses, few_and_many, notices,
                changed_numbers, late_copies, channel_errors, big, no_day):
            t.head(part.__name__)
            part(t, s)
        s.check_logs(t)
        s.check_private(t)


def count(s, ten, table, where="true"):
    return s.one("SELECT count(*) FROM %s WHERE tenant_id = '%s' AND %s"
                 % (table, ten.id, where))


def raws(s):
    return s.one("SELECT count(*) FROM webhook_raw")


def verification(t, s):
    c = s.client()

    def ask(token, challenge="1158201444", mode="subscribe"):
        return c.get("%s?hub.mode=%s&hub.challenge=%s&hub.verify_token=%s"
                     % (HOOK, mode, challenge, token))

    r = ask(s.verify_token)
    t.eq((r.status, r.body), (200, b"1158201444"), "the challenge, alone")
    r = c.get("%s?hub.verify_token=%s&hub.challenge=a%%2Bb%%20c&hub.mode="
              "subscribe" % (HOOK, s.verify_token.replace("-", "%2D")))
    t.eq((r.status, r.body), (200, b"a+b c"),
         "any order, percent-decoded, echoed as an opaque string")
    t.ok("html" not in r.headers.get("content-type", ""),
         "never as a page", r.headers)
    for what, token in (("a wrong token", "wrong"), ("none", ""),
                        ("a prefix", s.verify_token[:-1]),
                        ("more", s.verify_token + "x")):
        r = ask(token)
        t.ok(r.status in (400, 403) and b"1158201444" not in r.body,
             "refused: " + what, r)
    r = ask(s.verify_token, mode="unsubscribe")
    t.ok(r.status in (400, 403), "refused: another mode", r)


def signatures(t, s):
    ten = s.tenants[0]
    raw = wa.dump(wa.body(wa.value(ten.number, [wa.text(wa.phone())])))
    good = wa.sign(s.app_secret, raw)
    before = raws(s)
    for what, body, sign in (
            ("none", raw, False),
            ("of another secret", raw, wa.sign("other", raw)),
            ("of another body", raw + b" ", good),
            ("cut", raw, good[:-1]),
            ("longer", raw, good + "0"),
            ("no prefix", raw, good[7:]),
            ("sha1", raw, "sha1=" + good[7:47]),
            ("empty", raw, "sha256="),
            ("no hex", raw, "sha256=" + "g" * 64),
            ("none on what is not JSON", b"{nope", False),
            ("wrong on what is not JSON", b"{nope", good),
            ("none on nothing", b"", False)):
        r = s.hook(body, sign=sign)
        t.eq((r.status, r.code), (401, "invalid_signature"),
             "signature: " + what)
    t.eq((raws(s), count(s, ten, "messages")), (before, 0),
         "and nothing is stored")
    r = s.hook(b"x" * (4 * 1024 * 1024 + 1), sign=False)
    t.eq((r.status, r.code), (413, "body_too_large"),
         "too large comes before the signature")
    r = s.hook(b"{nope")
    t.eq((r.status, r.code), (400, "invalid_json"),
         "signed but not JSON: 400")
    r = s.hook(raw, headers={"Content-Type": "text/plain"})
    t.eq(r.status, 200, "the media type of a signed body does not matter")
    t.eq(count(s, ten, "messages"), 1, "the good one is stored")
    text = b'{"object":"x","n":"' + "\u00e9".encode() + b'"}'
    t.eq(s.hook(text).status, 200, "the raw bytes are signed, UTF-8 or not")


def stored(t, s):
    """When the 200 arrives the commit has happened."""
    ten = s.add_tenant("Stored")
    lost = []

    def one(i):
        conn = web.Conn(s.port)
        db = s.pg.connect()
        cur = db.cursor()
        for _ in range(tap.size(15, 100)):
            m = wa.text(wa.phone())
            raw = wa.dump(wa.body(wa.value(ten.number, [m])))
            r = stack.patient(lambda: s.hook(raw, conn))
            cur.execute("SELECT count(*) FROM messages WHERE tenant_id = %s "
                        "AND whatsapp_message_id = %s", (ten.id, m["id"]))
            if r.status != 200 or cur.fetchone()[0] != 1:
                lost.append((r, m["id"]))
        conn.close()
        db.close()

    web.parallel(4, one)
    t.ok(not lost, "stored before acknowledged", lost[:3])
    raw = s.sql("SELECT body, request_id, summary FROM webhook_raw ORDER BY "
                "received_at DESC LIMIT 1")[0]
    t.ok(bytes(raw[0]).startswith(b'{"object":"whatsapp_business'),
         "the raw bytes are kept")


def same_200(t, s):
    ten = s.add_tenant("Same")
    raw = wa.dump(wa.body(wa.value(ten.number, [wa.text(wa.phone(),
                                                        "only once")])))

    def run(i):
        conn = web.Conn(s.port)
        got = [s.hook(raw, conn).status
               for _ in range(200 // 16 + (i < 200 % 16))]
        conn.close()
        return got

    codes = sum(web.parallel(16, run), [])
    t.eq((len(codes), set(codes)), (200, {200}),
         "the same webhook 200 times over 16 connections: 200")
    row = s.sql("SELECT unread_count FROM conversations WHERE tenant_id = "
                "%s", (ten.id,))
    t.eq((count(s, ten, "messages"), count(s, ten, "event_log"),
          count(s, ten, "contacts"), row), (1, 1, 1, [(1,)]),
         "one message, one event, one contact, one conversation, unread 1")


def first_50(t, s):
    ten = s.add_tenant("First")
    for i in range(tap.size(3, 20)):
        phone = wa.phone()
        bodies = [wa.dump(wa.body(wa.value(ten.number, [wa.text(
            phone, "m%d" % n)]))) for n in range(50)]

        def one(n):
            conn = web.Conn(s.port)
            r = s.hook(bodies[n], conn)
            conn.close()
            return r.status

        codes = web.parallel(50, one)
        row = s.sql("SELECT c.unread_count, (SELECT count(*) FROM messages "
                    "m WHERE m.tenant_id = c.tenant_id AND "
                    "m.conversation_id = c.id) FROM conversations c JOIN "
                    "contacts k ON k.id = c.contact_id WHERE k.phone = %s",
                    ("+" + phone,))
        if set(codes) != {200} or row != [(50, 50)]:
            t.ok(False, "fifty first messages at once", (codes, row))
            return
    t.ok(True, "fifty first messages of a new contact at once: one "
               "conversation, 50 messages")
    s.check_events(t, ten, "and their events are dense")


def opposite(t, s):
    ten = s.add_tenant("Opposite")
    rounds = tap.size(200, 1000)
    bad = []

    def run(i):
        conn = web.Conn(s.port)
        for _ in range(rounds):
            barrier_phones = phones[_ % len(phones)]
            who = barrier_phones if i % 2 else barrier_phones[::-1]
            r = s.hook(wa.body(wa.value(ten.number, [
                wa.text(p, "x") for p in who])), conn)
            if r.status != 200:
                bad.append(r)
        conn.close()

    # New contacts meet in some of them, known ones in the others.
    phones = [[wa.phone() for _ in range(6)] for _ in range(rounds // 4)]
    web.parallel(4, run)
    t.ok(not bad, "%d pairs of bodies in opposite order: no deadlock "
                  "reaches the sender" % (2 * rounds), bad[:3])
    t.eq(count(s, ten, "messages"), rounds * 4 * 6, "all are stored")
    t.eq(count(s, ten, "conversations"), len(phones) * 6,
         "one conversation each")
    s.check_events(t, ten, "and the log is dense")


def broken_items(t, s):
    def fine(n, phone):
        return json.dumps(wa.text(phone, "fine %d" % n))

    def wrong_types(phone):
        m = wa.text(phone)
        m["text"] = {"body": {"not": "text"}}
        m["from"] = 17
        m["id"] = None
        return json.dumps(m)

    def nul(phone):
        return json.dumps(wa.text(phone, "a\u0000b"))

    def surrogate(phone):
        return json.dumps(wa.text(phone, "x")).replace('"x"', '"\\ud83d"')

    def digits(phone):
        m = wa.text(phone)
        return json.dumps(m)[:-1] + ',"n":[%s]}' % ",".join(
            ["1e131000"] * 40)

    def twice(phone):
        m = json.dumps(wa.text(phone, "first"))
        return m[:-1] + ',"text":{"body":"second"},"id":"%s"}' % wa.wamid()

    def scalar(phone):
        return "42"

    # What JSON in PostgreSQL refuses is cleaned and the item kept; what
    # cannot be told is left out.  Either way one error tells of it.
    for name, make, kept in (("wrong types", wrong_types, 99),
                             ("a scalar", scalar, 99),
                             ("\\u0000", nul, 100),
                             ("a lone surrogate", surrogate, 100),
                             ("40 numbers of 131,001 digits", digits, 100),
                             ("duplicate keys", twice, 99)):
        ten = s.add_tenant("Broken " + name)
        phones = [wa.phone() for _ in range(10)]
        items = [fine(i, phones[i % 10]) for i in range(99)]
        items.insert(57, make(phones[3]))
        v = json.dumps(wa.value(ten.number, [], contacts=[
            wa.contact(p) for p in phones]))
        raw = json.dumps(wa.body("@")).replace(
            '"@"', v.replace('"messages": []',
                             '"messages": [' + ",".join(items) + "]"))
        r = s.hook(raw.encode())
        t.eq(r.status, 200, name + " among 100: 200")
        got = s.sql("SELECT count(*), count(*) FILTER (WHERE content LIKE "
                    "'fine %%') FROM messages WHERE tenant_id = %s",
                    (ten.id,))[0]
        errors = s.sql("SELECT path, code FROM webhook_errors WHERE "
                       "tenant_id = %s", (ten.id,))
        t.eq(got[1], 99, name + ": its 99 neighbours are stored")
        t.eq(got[0], kept, name + ": the item itself")
        t.eq([e[0] for e in errors],
             ["entry[0].changes[0].value.messages[57]"],
             name + ": one stored error, that tells where")
        t.ok(s.one("SELECT max(length(metadata::text)) FROM messages WHERE "
                   "tenant_id = %s", (ten.id,)) < 1000,
             name + ": nothing swells")
        t.eq(s.hook(raw.encode()).status, 200, name + " again: 200")
        t.eq((count(s, ten, "messages"), count(s, ten, "webhook_errors")),
             (got[0], len(errors)), name + " again: nothing new")
        s.check_events(t, ten, name + ": the log is dense")


def hostile_values(t, s):
    """Values that are well-formed JSON and still not to be trusted: the
    neighbours go through, whatever becomes of the item."""
    long = "9" * 3000

    def item(**more):
        m = wa.text(wa.phone(), "hostile")
        m.update(more)
        return m

    cases = [
        ("a timestamp past all time", item(timestamp="9" * 17)),
        ("a timestamp of 400 digits", item(timestamp="9" * 400)),
        ("a negative timestamp", item(timestamp="-5")),
        ("timestamp 0", item(timestamp="0")),
        ("a timestamp of letters", item(timestamp="soon")),
        ("a timestamp as number", item(timestamp=1700000000)),
        ("a timestamp as fraction", item(timestamp=17e8 + 0.5)),
        ("no timestamp", {k: v for k, v in item().items()
                          if k != "timestamp"}),
        ("a wamid of 3,000 characters", item(id=long)),
        ("an empty wamid", item(id="")),
        ("a sender of 3,000 digits", item(**{"from": long})),
        ("an empty sender", item(**{"from": ""})),
        ("a sender that is no phone", item(**{"from": "x'; DROP TABLE"})),
        ("no sender", {k: v for k, v in item().items() if k != "from"}),
        ("a type of 3,000 characters", item(type=long)),
        ("type null", item(type=None)),
        ("a body of 200,000 characters", item(text={"body": "y" * 200000})),
        ("a body with \\u0000", item(text={"body": "a\u0000b"})),
        ("a body of nothing", item(text={"body": ""})),
        ("text null", item(text=None)),
        ("a number past all doubles", item(extra="@1e99999@")),
        ("nested 40 deep", item(extra=nest(20))),
        ("context of nonsense", item(context={"id": {"a": 1}})),
        ("context of a stranger", item(context={"id": wa.wamid()})),
        ("a key with \\u0000", item(**{"a\u0000b": 1})),
        ("bidirectional and private characters",
         item(text={"body": "\u202e\ufeff\ue000\U0010ffff"})),
    ]
    bad = []
    for what, m in cases:
        ten = s.add_tenant("Hostile")
        ms = [wa.text(wa.phone(), "fine") for _ in range(4)]
        ms.insert(2, m)
        v = wa.value(ten.number, ms, contacts=[
            {"profile": {"name": "n\u0000m"}, "wa_id": ms[0]["from"]},
            {"profile": None, "wa_id": ms[1]["from"]}, 7])
        raw = wa.dump(wa.body(v)).replace(b'"@1e99999@"', b"1e99999")
        r = s.hook(raw)
        fine = count(s, ten, "messages", "content = 'fine'")
        kept = count(s, ten, "messages", "content <> 'fine'")
        told = count(s, ten, "webhook_errors")
        if r.status != 200 or fine != 4 or kept + told == 0:
            bad.append((what, r, fine, kept, told))
    t.ok(not bad, "%d hostile values: 200, the neighbours stored, the item "
                  "a message or an error" % len(cases), bad[:6])
    c = s.login(s.tenants[-1].agent)
    t.eq(c.get(CONV).status, 200, "and the list can be read")


def nest(n):
    v = 1
    for _ in range(n):
        v = {"a": [v]}
    return v


def two_tenants(t, s):
    a, b = s.add_tenant("A"), s.add_tenant("B")
    p, q = wa.phone(), wa.phone()
    obj = wa.body(wa.value(a.number, [wa.text(p, "to a")]),
                  wa.value(b.number, [wa.text(q, "to b")]),
                  wa.value(a.number, [wa.text(q, "a again")]))
    obj["entry"].append(wa.body(wa.value(b.number, [wa.text(
        p, "b again")]))["entry"][0])
    t.eq([s.hook(obj).status for _ in range(3)], [200] * 3,
         "a body that spans two tenants")
    for ten, want in ((a, ["a again", "to a"]), (b, ["b again", "to b"])):
        got = s.sql("SELECT content FROM messages WHERE tenant_id = %s "
                    "ORDER BY 1", (ten.id,))
        t.eq([x[0] for x in got], want, "is stored for " + ten.name)
        c = s.login(ten.agent)
        t.eq(len(c.get(CONV).json["data"]), 2, "and seen by " + ten.name)


def unknown_numbers(t, s):
    ten = s.add_tenant("Known")
    before = raws(s)
    r = s.hook(wa.body(wa.value("999999999999999", [wa.text(wa.phone())])))
    t.eq((r.status, raws(s)), (200, before + 1),
         "a number of nobody: 200, kept raw")
    r = s.hook(wa.body(wa.value("999999999999999", [wa.text(wa.phone())]),
                       wa.value(ten.number, [wa.text(wa.phone(), "mine")])))
    t.eq((r.status, count(s, ten, "messages")), (200, 1),
         "beside a known one: that is stored")
    row = s.sql("SELECT tenant_id FROM messages m JOIN tenants t ON t.id = "
                "m.tenant_id WHERE m.content = 'mine'")
    t.eq(len(row), 1, "for its tenant alone")


def odd_bodies(t, s):
    """Signed bodies are read leniently: 200 and kept raw."""
    ten = s.tenants[0]
    for what, raw in (
            ("{}", b"{}"), ("an array", b"[]"), ("a number", b"1"),
            ("a string", b'"x"'), ("null", b"null"),
            ("no object", wa.dump({"entry": wa.body(wa.value(
                ten.number, []))["entry"]})),
            ("entry no array", b'{"object":"a","entry":{}}'),
            ("changes of scalars", b'{"entry":[{"changes":[1,null,"x"]}]}'),
            ("value null", b'{"entry":[{"changes":[{"field":"messages",'
                           b'"value":null}]}]}'),
            ("an unknown field", wa.dump({"object": "whatsapp_business_"
             "account", "entry": [{"id": "1", "time": 3, "changes": [
                 {"field": "weather", "value": {"rain": True}}]}]})),
            ("a repeated top key", b'{"entry":[],"entry":[]}')):
        before = raws(s)
        r = s.hook(raw)
        t.eq((r.status, raws(s)), (200, before + 1), "signed: " + what)
    deep = b'{"a":' * 100 + b"1" + b"}" * 100
    r = s.hook(deep)
    t.ok(r.status in (200, 400), "nested too deep: an answer", r)
    unknown = wa.text(wa.phone())
    unknown["type"] = "hologram"
    del unknown["text"]
    unknown["hologram"] = {"id": "1"}
    s.hook(wa.body(wa.value(ten.number, [unknown])))
    row = s.sql("SELECT message_type FROM messages WHERE "
                "whatsapp_message_id = %s", (unknown["id"],))
    t.ok(len(row) == 1 and row[0][0] in ("unsupported", "unknown"),
         "an unknown type shows", row)


def statuses(t, s):
    ten = s.add_tenant("Statuses")
    c = s.login(ten.agent)
    phone = wa.phone()
    s.say(ten, phone, "hi")
    conv = c.get(CONV).json["data"][0]["id"]
    target = "%s/%s/messages" % (CONV, conv)
    rank = {"pending": 0, "sent": 1, "failed": 2, "delivered": 3, "read": 4}
    now = int(time.time())
    wrong = []
    orders = list(itertools.permutations(("sent", "delivered", "read",
                                          "failed")))
    random.shuffle(orders)
    for order in orders:
        m = c.post(target, {"content": " ".join(order)}).json
        mid = wa.wamid()
        best, seen = 0, []
        for i, st in enumerate(order):
            # The first receipt comes before we know the wamid.
            r = s.hook(wa.body(wa.value(ten.number, statuses=[wa.status(
                mid, st, now + i, phone,
                biz_opaque_callback_data=m["id"])])))
            best = max(best, rank[st])
            row = s.sql("SELECT status, whatsapp_message_id, error FROM "
                        "messages WHERE tenant_id = %s AND id = %s",
                        (ten.id, m["id"]))[0]
            seen.append(row[0])
            if r.status != 200 or rank[row[0]] != best or row[1] != mid:
                wrong.append((order, seen, r.status, row))
        kept = s.one("SELECT count(*) FROM message_receipts WHERE tenant_id "
                     "= %s AND whatsapp_message_id = %s", (ten.id, mid))
        if kept != 4:
            wrong.append((order, "receipts", kept))
        ev = s.sql("SELECT frame::json -> 'data' ->> 'status' FROM event_log "
                   "WHERE tenant_id = %s AND event = "
                   "'message_status_updated' AND frame::json -> 'data' ->> "
                   "'id' = %s ORDER BY seq", (ten.id, m["id"]))
        ups = [x[0] for x in ev]
        if ups != sorted(set(ups), key=rank.get) or ups[-1] != "read":
            wrong.append((order, "events", ups))
    t.ok(not wrong, "24 orders of sent, delivered, read, failed: only up; "
                    "every receipt kept; one event a step", wrong[:4])
    t.eq(s.one("SELECT count(*) FROM outbox WHERE tenant_id = %s",
               (ten.id,)), 0, "a status settles the outbox row")

    m = c.post(target, {"content": "all at once"}).json
    mid = wa.wamid()
    s.hook(wa.body(wa.value(ten.number, statuses=[
        wa.status(mid, st, now, phone, biz_opaque_callback_data=m["id"])
        for st in ("read", "sent", "delivered")])))
    r = c.get(target).json["data"][0]
    t.eq((r["status"], r["whatsapp_message_id"]), ("read", mid),
         "three in one body: the highest")
    n = s.one("SELECT count(*) FROM event_log WHERE tenant_id = %s AND "
              "frame::json -> 'data' ->> 'id' = %s AND event = "
              "'message_status_updated'", (ten.id, m["id"]))
    t.eq(n, 1, "in one event")

    m = c.post(target, {"content": "fails"}).json
    mid = wa.wamid()
    s.hook(wa.body(wa.value(ten.number, statuses=[wa.status(
        mid, "failed", now, phone, biz_opaque_callback_data=m["id"])])))
    r = c.get(target).json["data"][0]
    shapes.check(t, shapes.MSG, r, "a failed message's shape")
    t.eq((r["status"], r["error"]["code"], set(r["error"])),
         ("failed", 131026, {"code", "title", "detail"}), "its error")

    before = count(s, ten, "message_receipts")
    stray = wa.wamid()
    for st in ("delivered", "played", "weird"):
        r = s.hook(wa.body(wa.value(ten.number, statuses=[wa.status(
            stray, st, now, phone)])))
        if r.status != 200:
            t.ok(False, "a stray " + st, r)
    t.eq(count(s, ten, "message_receipts"), before + 3,
         "receipts of nobody's message and of unknown names are kept")
    same = wa.dump(wa.body(wa.value(ten.number, statuses=[wa.status(
        stray, "sent", now, phone)])))
    web.fan([same] * 40, 8, s_hook(s))
    t.eq(count(s, ten, "message_receipts"), before + 4,
         "the same receipt forty times is kept once")

    # Statuses of an inbound message never move it.
    mid = s.say(ten, phone, "inbound")
    s.hook(wa.body(wa.value(ten.number, statuses=[wa.status(
        mid, "failed", now, phone)])))
    t.eq(s.one("SELECT status FROM messages WHERE tenant_id = %s AND "
               "whatsapp_message_id = %s", (ten.id, mid)), "delivered",
         "a status cannot fail what a customer wrote")
    # Another tenant's status with our id moves nothing.
    other = s.add_tenant("Stranger")
    m = c.post(target, {"content": "mine"}).json
    s.hook(wa.body(wa.value(other.number, statuses=[wa.status(
        wa.wamid(), "read", now, phone, biz_opaque_callback_data=m["id"])])))
    t.eq(c.get(target).json["data"][0]["status"], "pending",
         "another tenant's status does not reach it")

    # Many at once, in every order, over many connections.
    ms = [c.post(target, {"content": "race %d" % i}).json["id"]
          for i in range(tap.size(20, 100))]
    jobs = [wa.dump(wa.body(wa.value(ten.number, statuses=[wa.status(
        wa.wamid("race" + m), st, now + i, phone,
        biz_opaque_callback_data=m)])))
        for m in ms for i, st in enumerate(("sent", "delivered", "read",
                                            "failed"))]
    random.shuffle(jobs)
    rs = web.fan(jobs, 8, s_hook(s))
    left = s.one("SELECT count(*) FROM messages WHERE tenant_id = %s AND "
                 "id = ANY(%s::uuid[]) AND status <> 'read'", (ten.id, ms))
    t.eq(({r.status for r in rs}, left), ({200}, 0),
         "receipts racing over eight connections: all read")
    s.check_events(t, ten, "and the log is dense")


def opposite_statuses(t, s):
    """Reports about the same messages in opposite order, replies to their
    conversations meanwhile."""
    ten = s.add_tenant("Opposite statuses")
    token = s.token(ten.agent)
    c = s.client(token)
    phone = wa.phone()
    s.say(ten, phone, "hi")
    conv = c.get(CONV).json["data"][0]["id"]
    target = "%s/%s/messages" % (CONV, conv)
    ids = [c.post(target, {"content": "n"}).json["id"] for _ in range(12)]
    now = int(time.time())
    bad = []

    def run(i):
        client = s.client(token)
        post = s_hook(s)
        for n in range(tap.size(40, 200)):
            if i == 4:
                r = client.post(target, {"content": "meanwhile"})
            else:
                order = ids if i % 2 else ids[::-1]
                r = post(wa.dump(wa.body(wa.value(ten.number, statuses=[
                    wa.status(wa.wamid("o" + m), ("sent", "delivered",
                                                  "read")[n % 3], now + n,
                              phone, biz_opaque_callback_data=m)
                    for m in order]))))
            if r.status not in (200, 201):
                bad.append(r)

    web.parallel(5, run)
    t.ok(not bad, "statuses in opposite order: no deadlock reaches the "
                  "sender", bad[:3])
    t.eq(count(s, ten, "messages", "status = 'read'"), 12, "all are read")
    s.check_events(t, ten, "and the log is dense")


def broken_statuses(t, s):
    ten = s.add_tenant("Broken statuses")
    for what, broken in (("a scalar", "42"), ("wrong types", json.dumps(
            {"id": {}, "status": 7, "timestamp": None})),
            ("no id", json.dumps({"status": "sent", "timestamp": "1"})),
            ("\\u0000 in its status", json.dumps(
                wa.status(wa.wamid(), "se\u0000nt")))):
        before = count(s, ten, "message_receipts")
        items = [json.dumps(wa.status(wa.wamid(), "sent"))
                 for _ in range(99)]
        items.insert(42, broken)
        raw = json.dumps(wa.body("@")).replace('"@"', json.dumps(wa.value(
            ten.number, statuses=[])).replace(
                '"statuses": []', '"statuses": [%s]' % ",".join(items)))
        r = s.hook(raw.encode())
        n = count(s, ten, "message_receipts") - before
        e = s.one("SELECT count(*) FROM webhook_errors WHERE tenant_id = %s "
                  "AND path LIKE '%%statuses[42]'", (ten.id,))
        t.ok(r.status == 200 and n in (99, 100) and (n == 100 or e > 0),
             "one broken status among 100: " + what, (r, n, e))


def s_hook(s):
    client = s.client()

    def post(raw):
        return client.post(HOOK, body=raw, headers={
            "X-Hub-Signature-256": wa.sign(s.app_secret, raw)})
    return post


def call(cur, name, columns):
    """All that a function did, and undone again: the rows that it gave, and
    those it left behind."""
    cur.execute("SELECT * FROM %s(%s, %%s)" % (name, ", ".join(
        "%%s::%s[]" % kind for kind, _ in columns)),
        [values for _, values in columns] + [RUN_AT])
    out = [cur.fetchall()]
    for table in ("contacts", "contact_identities", "conversations",
                  "messages", "message_receipts", "outbox", "event_log",
                  "tenant_event_head"):
        # times of a transaction are its own
        cur.execute("SELECT (to_jsonb(r) %s)::text FROM %s r WHERE "
                    "tenant_id = pytake_tenant() ORDER BY 1" % (
                        "- 'updated_at' - 'created_at'"
                        if table.startswith("contact") else "", table))
        out.append(cur.fetchall())
    cur.connection.rollback()
    return out


def both(t, s, ten, what, name, columns):
    """One item by the short way and by the one for many: the same."""
    got = []
    for fn in (name, name + "_many"):
        db = s.pg.connect()
        db.autocommit = False
        cur = db.cursor()
        cur.execute("SET LOCAL ROLE pytake_service; "
                    "SELECT set_config('pytake.tenant_id', %s, true)",
                    (ten.id,))
        got.append(call(cur, fn, columns))
        db.close()
    t.ok(got[0] == got[1], "both ways give the same: " + what,
         [pair for pair in zip(*got) if pair[0] != pair[1]][:2])
    return got[0]


def both_ways(t, s):
    ten = s.add_tenant("Both ways")
    mark = ('{"data":"\x01","reply_to":\x02,"conversation":\x03,'
            '"seq":\x04}')

    def args(phone, mid=None, bsuid=None, name=None, wa_id="same",
             username=None, kind="text", at=SAID_AT, wamid=None,
             quoted=None):
        return [("text", [phone]), ("text", [bsuid]), ("text", [name]),
                ("text", [phone if wa_id == "same" else wa_id]),
                ("text", [username]), ("uuid", [stack.uuid7()]),
                ("uuid", [ten.config]), ("uuid", [stack.uuid7()]),
                ("uuid", [mid or stack.uuid7()]), ("integer", [1]),
                ("timestamptz", [at]), ("text", [kind]),
                ("text", ["said \u00e9"]), ("text", ["shown"]),
                ("text", [wamid or wa.wamid()]), ("text", ['{"a": 1}']),
                ("text", [quoted]), ("text", [mark]),
                ("uuid", [stack.uuid7()])]

    phone, other, closed, snoozed = (wa.phone() for _ in range(4))
    first = s.say(ten, phone, "first")
    for p in (other, closed, snoozed):
        s.say(ten, p, "x")

    def status(p, to):
        s.sql("UPDATE conversations SET status = %s FROM contacts k WHERE "
              "k.id = contact_id AND k.phone = %s", (to, "+" + p))

    status(closed, "closed")
    status(snoozed, "snoozed")
    s.sql("INSERT INTO contact_identities (tenant_id, kind, value, "
          "contact_id) SELECT tenant_id, 'bsuid', 'US.7', contact_id FROM "
          "contact_identities WHERE value = %s", (phone,))
    row = s.sql("SELECT id, created_at::text FROM messages WHERE tenant_id = "
                "%s AND whatsapp_message_id = %s", (ten.id, first))[0]
    for what, told, columns in (
            ("a text", 1, args(phone)),
            ("the name as it is", 1, args(phone,
                                          name="Customer " + phone[-4:])),
            ("another name", 1, args(phone, name="Bea")),
            ("another wa_id", 1, args(phone, wa_id="15550000001")),
            ("a user name", 1, args(phone, username="bea")),
            ("both identities", 1, args(phone, bsuid="US.7")),
            ("the id alone", 1, args(None, bsuid="US.7", wa_id=None)),
            ("an id that is new", 1, args(phone, bsuid="US.8")),
            ("an id with a number that is new", 1,
             args(wa.phone(), bsuid="US.7")),
            ("nobody we know", 1, args(wa.phone(), name="New")),
            ("a closed conversation", 1, args(closed)),
            ("a snoozed one", 1, args(snoozed)),
            ("a notice", 1, args(phone, kind="system")),
            ("one of long ago", 1, args(phone, at="2020-01-01 00:00Z")),
            ("an answer", 1, args(phone, quoted=first)),
            ("an answer to a stranger", 1, args(phone, quoted=wa.wamid())),
            ("an answer to itself", 1, args(phone, wamid="w", quoted="w")),
            ("what is here", 0, args(phone, mid=row[0], at=row[1],
                                     wamid=first))):
        got = both(t, s, ten, what, "pytake_ingest", columns)
        if len(got[0]) != told:
            t.ok(False, "it is told so often: " + what, got[0])


def both_ways_of_statuses(t, s):
    ten = s.add_tenant("Both ways of statuses")
    c = s.login(ten.agent)
    phone = wa.phone()
    inbound = s.say(ten, phone, "hi")
    conv = c.get(CONV).json["data"][0]["id"]
    target = "%s/%s/messages" % (CONV, conv)
    mid = c.post(target, {"content": "a"}).json["id"]
    read = c.post(target, {"content": "b"}).json["id"]
    s.sql("UPDATE messages SET status = 'read', whatsapp_message_id = "
          "'wamid.read' WHERE tenant_id = %s AND id = %s", (ten.id, read))
    nil = "00000000-0000-0000-0000-000000000000"
    mark = '{"data":"\x05","conversation_id":"\x01","seq":\x04}'
    for what, told, wamid, ours, said, moves, error in (
            ("sent", 1, "w1", mid, "sent", "sent", None),
            ("failed", 1, "w1", mid, "failed", "failed", '{"code": 1}'),
            ("by its wamid", 0, "wamid.read", nil, "delivered", "delivered",
             None),
            ("played", 0, "wamid.read", nil, "played", "read", None),
            ("of nobody", 0, "w2", nil, "read", "read", None),
            ("of an id of nobody", 0, "w2", stack.uuid7(), "read", "read",
             None),
            ("of a name we do not know", 0, "w1", mid, "warped", None, None),
            ("of an inbound message", 0, inbound, nil, "failed", "failed",
             '{"code": 1}')):
        got = both(t, s, ten, what, "pytake_statuses", [
            ("text", [wamid]), ("uuid", [ours]), ("text", [said]),
            ("timestamptz", [SAID_AT]), ("text", ['{"r": 1}']),
            ("text", [moves]), ("text", [error]), ("text", [mark]),
            ("uuid", [stack.uuid7()])])
        if len(got[0]) != told:
            t.ok(False, "it is told so often: " + what, got[0])


def few_and_many(t, s):
    """The same messages in bodies of one and of several senders at once."""
    ten = s.add_tenant("Few and many")
    phones = [wa.phone() for _ in range(4)]
    for p in phones:
        s.say(ten, p, "hi")
    before = deadlocks(s)
    bad = []
    rounds = tap.size(100, 200)
    batches = [[wa.text(p, "x") for p in phones] for _ in range(rounds)]

    def run(i):
        conn = web.Conn(s.port)
        for ms in batches:
            for part in ([ms] if i % 2 else [[m] for m in ms[::-1]]):
                r = s.hook(wa.body(wa.value(ten.number, part)), conn)
                if r.status != 200:
                    bad.append(r)
        conn.close()

    web.parallel(4, run)
    t.ok(not bad, "one sender's bodies and those of four: all are taken",
         bad[:3])
    t.eq((count(s, ten, "messages"), s.one(
        "SELECT sum(unread_count) FROM conversations WHERE tenant_id = '%s'"
        % ten.id)), (4 * rounds + 4, 4 * rounds + 4), "each message once")
    s.check_events(t, ten, "and the log is dense")
    t.eq(deadlocks(s) - before, 0, "they take their locks in one order")


def deadlocks(s):
    s.sql("SELECT pg_stat_clear_snapshot()")
    return s.one("SELECT deadlocks FROM pg_stat_database WHERE datname = "
                 "current_database()")


def system(kind, sender=None, **more):
    m = wa.text(sender, "x")
    del m["text"]
    m["type"] = "system"
    m["system"] = dict(more, type=kind, body="a notice")
    if sender is None:
        del m["from"]
    return m


def notices(t, s):
    """What WhatsApp itself says in a conversation."""
    ten = s.add_tenant("Notices")
    look = ("SELECT unread_count, window_expires_at IS NOT NULL, "
            "last_message FROM conversations WHERE tenant_id = %s")
    phone = wa.phone()

    def say(*messages):
        s.hook(wa.body(wa.value(ten.number, list(messages), contacts=[])))
        return s.sql(look, (ten.id,))

    notice = "customer_identity_changed"
    t.eq(say(system(notice, phone)), [(0, False, "a notice")],
         "a notice opens no window and is not unread")
    t.eq(say(system(notice, phone)), [(0, False, "a notice")], "nor another")
    t.eq(say(system(notice, phone), wa.text(phone, "hi", at=time.time() - 60),
             system(notice, phone)), [(1, True, "a notice")],
         "of three the one that a person wrote")
    s.check_events(t, ten, "all are told of")


def changed_numbers(t, s):
    ten = s.add_tenant("Changed numbers")

    def say(*messages):
        r = s.hook(wa.body(wa.value(ten.number, list(messages),
                                    contacts=[])))
        return (r.status, count(s, ten, "contacts"),
                count(s, ten, "conversations"))

    old, new, third = (wa.phone() for _ in range(3))
    s.say(ten, old, "hi")
    t.eq(say(system("user_changed_number", old, wa_id=new)), (200, 1, 1),
         "a number changed")
    t.eq(say(wa.text(new, "me again")), (200, 1, 1),
         "the new one is the same contact's, in the same conversation")
    t.eq(s.sql("SELECT wa_id, phone FROM contacts WHERE tenant_id = %s",
               (ten.id,)), [(new, "+" + new)], "who is written to there")
    t.eq(say(system("user_changed_number", new, new_wa_id=third,
                    user_id="US.2"), wa.text(third, "and again")),
         (200, 1, 1), "once more, and a message in the same body")
    m = wa.text(third, "by my id")
    m["from_user_id"] = m.pop("from") and "US.2"
    t.eq(say(m), (200, 1, 1), "the id is theirs, too")
    m = system("user_changed_user_id", user_id="US.3")
    m["from_user_id"] = "US.2"
    n = dict(wa.text(third, "by my new id"), from_user_id="US.3")
    del n["from"]
    t.eq((say(m), say(n)), ((200, 1, 1), (200, 1, 1)), "an id changed")
    m = system("user_changed_number", wa_id=wa.phone())
    m["from_user_id"] = "US.3"
    fourth = m["system"]["wa_id"]
    t.eq((say(m), say(wa.text(fourth, "from the fourth"))),
         ((200, 1, 1), (200, 1, 1)), "a number of who is known by an id")
    t.eq(s.sql("SELECT wa_id, phone FROM contacts WHERE tenant_id = %s",
               (ten.id,)), [(fourth, "+" + fourth)], "the new one is written to")
    fresh, later = wa.phone(), wa.phone()
    t.eq(say(system("user_changed_number", fresh, wa_id=later)),
         (200, 2, 2), "of somebody we did not know")
    t.eq(say(wa.text(later, "hi")), (200, 2, 2), "is one contact as well")
    t.eq((say(system("user_changed_number", later, wa_id=third)),
          say(wa.text(third, "still me"))), ((200, 2, 2), (200, 2, 2)),
         "a number that is somebody's stays theirs")
    t.eq(s.sql("SELECT DISTINCT i.contact_id = c.contact_id FROM messages m "
               "JOIN conversations c ON c.id = m.conversation_id JOIN "
               "contact_identities i ON i.value = %s WHERE m.tenant_id = %s "
               "AND m.content = 'still me'", (third, ten.id)), [(True,)],
         "with its messages")
    s.check_events(t, ten, "all are told of")


def late_copies(t, s):
    ten = s.add_tenant("Late copies")

    def body(m, name=None):
        contacts = [{"wa_id": m["from"], "profile": {"name": name}}]
        return wa.body(wa.value(ten.number, [m],
                                contacts=contacts if name else []))

    old, new, newest = (wa.phone() for _ in range(3))
    first = body(wa.text(old, "hi"), "Ana")
    change = body(system("user_changed_number", old, wa_id=new))
    for obj in (first, change, body(wa.text(new, "me again"), "Ana Maria")):
        s.hook(obj)
    t.eq(s.hook(first).status, 200, "a copy of what was said before that")
    who = "SELECT name, wa_id, phone FROM contacts WHERE tenant_id = %s"
    t.eq(s.sql(who, (ten.id,)), [("Ana Maria", new, "+" + new)],
         "takes neither name nor number back")
    s.hook(body(system("user_changed_number", new, wa_id=newest)))
    t.eq(s.hook(change).status, 200, "a copy of a notice")
    t.eq(s.sql(who, (ten.id,)), [("Ana Maria", newest, "+" + newest)],
         "takes nothing back, either")


def channel_errors(t, s):
    ten = s.add_tenant("Channel errors")
    v = wa.value(ten.number)
    v["errors"] = [{"code": 130429, "title": "Rate limit hit"}]
    for at, want in ((1, 1), (1, 1), (2, 2)):
        obj = wa.body(v)
        obj["entry"][0]["time"] = at
        t.eq((s.hook(obj).status, count(s, ten, "webhook_errors",
                                        "code = 'channel_error'")),
             (200, want), "an error of the number: %d" % want)


def big(t, s):
    ten = s.add_tenant("Big")
    phones = [wa.phone() for _ in range(100)]
    msgs = [wa.text(phones[i % 100], "big %d" % i) for i in range(1000)]
    raw = wa.dump(wa.body(wa.value(ten.number, msgs)))
    r = s.hook(raw)
    t.eq((r.status, count(s, ten, "messages"), count(s, ten, "event_log"),
          count(s, ten, "conversations")), (200, 1000, 1000, 100),
         "a body of 1,000 messages")
    order = s.sql("SELECT frame::json -> 'data' ->> 'content' FROM event_log "
                  "WHERE tenant_id = %s ORDER BY seq", (ten.id,))
    t.ok([x[0] for x in order] == ["big %d" % i for i in range(1000)],
         "its events are in batch order", order[:5])
    many = [wa.text(phones[i % 100], "x" * 3000) for i in range(900)]
    raw = wa.dump(wa.body(wa.value(ten.number, many)))
    t.eq((s.hook(raw).status, len(raw) > 2700000), (200, True),
         "a body of nearly 3 MB")


def no_day(t, s):
    """Without a partition for today nothing is acknowledged, and nothing is
    put aside as if it were to blame."""
    ten = s.add_tenant("Day")
    raw = wa.dump(wa.body(wa.value(ten.number, [
        wa.text(wa.phone(), "today") for _ in range(3)])))
    for table in ("event_log", "webhook_raw"):
        day = s.one("SELECT '%s_' || to_char(now() AT TIME ZONE 'UTC', "
                    "'YYYY_MM_DD')" % table)
        bounds = s.one("SELECT pg_get_expr(relpartbound, oid) FROM pg_class "
                       "WHERE relname = %s", (day,))
        s.sql("ALTER TABLE %s DETACH PARTITION %s" % (table, day))
        r = s.hook(raw)
        s.sql("ALTER TABLE %s ATTACH PARTITION %s %s" % (table, day, bounds))
        t.eq((r.status, count(s, ten, "messages"), count(s, ten, "event_log"),
              count(s, ten, "webhook_errors")), (503, 0, 0, 0),
             "no partition of %s: nothing is lost" % table)
    t.eq((stack.patient(lambda: s.hook(raw)).status,
          count(s, ten, "messages"), count(s, ten, "event_log")), (200, 3, 3),
         "and stored when it is there again")
    s.check_events(t, ten, "its events are dense")


tap.run(main)
