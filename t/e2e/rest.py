#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""REST as a client meets it: sessions, lists, sending, errors, idempotency."""

import json
import os
import re
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


def main(t):
    with stack.Stack(conf_edit=conf.log_all) as s:
        for part in (sessions, refresh, conversations, paging, filters,
                     create, messages, send, errors, request_ids,
                     idempotency, twins, health):
            t.head(part.__name__)
            part(t, s)
        s.check_logs(t)
        s.check_private(t)


def sessions(t, s):
    user = s.tenants[0].agent
    c = s.client()
    r = c.post(API + "/auth/login", {"email": user.email,
                                     "password": user.password})
    t.eq(r.status, 200, "login answers 200")
    shapes.check(t, shapes.LOGIN, r.json, "login's shape")
    t.eq((r.json["token_type"], r.json["expires_in"]), ("Bearer", 86400),
         "Bearer, 24 h")
    t.eq(r.json["user"], {"id": user.id, "tenant_id": user.tenant.id,
                          "email": user.email, "name": user.name,
                          "role": "agent"}, "login tells who it is")
    c.token = r.json["access_token"]

    claims = shapes.claims(c.token)
    t.eq((claims["sub"], claims["tenant_id"], claims["role"], claims["iss"],
          claims["aud"], claims["exp"] - claims["iat"]),
         (user.id, user.tenant.id, "agent", "pytake", "pytake", 86400),
         "the token's claims")
    t.ok(claims.get("sid") and claims.get("jti"), "sid and jti are there")

    me = c.get(API + "/auth/me")
    t.eq((me.status, me.json.get("user", me.json).get("id")),
         (200, user.id), "me")

    up = s.client().post(API + "/auth/login", {
        "email": user.email.upper(), "password": user.password})
    t.eq(up.status, 200, "an e-mail has no case")

    r = s.client().post(API + "/auth/login", {
        "email": " \t%s\u3000\n" % user.email, "password": user.password})
    t.eq((r.status, (r.json.get("user") or {}).get("email")),
         (200, user.email), "an e-mail with blanks around it logs in")

    for what, body, want in (
            ("wrong password", {"email": user.email, "password": "x"}, 401),
            ("unknown e-mail", {"email": "no@example.test",
                                "password": "x"}, 401)):
        r = s.client().post(API + "/auth/login", body)
        t.eq((r.status, r.code), (want, "invalid_credentials"), what)

    r = s.client().post(API + "/auth/login", {"email": 7, "extra": 1})
    t.eq(r.status, 422, "a faulty login is 422")
    t.eq({"email", "password", "extra"} - {e["field"] for e in
         r.json.get("errors", [])}, set(), "every fault is listed")

    other = s.login(user)
    r = c.post(API + "/auth/logout")
    t.ok(r.status in (200, 204), "logout", r)
    r = c.get(API + "/auth/me")
    t.eq((r.status, r.code), (401, "session_revoked"),
         "a logged-out access token is refused at once")
    t.eq(c.get(CONV).code, "session_revoked", "on every route")
    t.eq(other.get(API + "/auth/me").status, 200,
         "the user's other session goes on")
    t.ok("www-authenticate" in r.headers, "401 has WWW-Authenticate",
         r.headers)


def refresh(t, s):
    user = s.tenants[0].agent

    def use(token):
        return s.client().post(API + "/auth/refresh",
                               {"refresh_token": token})

    c = s.login(user)
    first = c.refresh_token
    a = use(first)
    t.eq(a.status, 200, "refresh")
    shapes.check(t, shapes.LOGIN, a.json, "refresh's shape is login's")
    t.ok(a.json["refresh_token"] != first, "refresh tokens rotate")
    t.eq(shapes.claims(a.json["access_token"])["sid"],
         shapes.claims(c.token)["sid"], "the session stays")

    again = use(first)
    t.eq((again.status, again.json.get("refresh_token")),
         (200, a.json["refresh_token"]),
         "within the grace: the same successor")
    both = web.parallel(8, lambda i: use(first))
    t.eq({(r.status, r.json.get("refresh_token")) for r in both},
         {(200, a.json["refresh_token"])}, "eight tabs at once: the same")

    sid = shapes.claims(c.token)["sid"]
    s.sql("UPDATE refresh_tokens SET used_at = used_at - "
          "interval '31 seconds' WHERE session_id = %s AND used_at IS NOT "
          "NULL", (sid,))
    r = use(first)
    t.eq((r.status, r.code), (401, "refresh_reused"),
         "after the grace, using it again is refused")
    r = use(a.json["refresh_token"])
    t.eq(r.status, 401, "and its successor is dead with the family")
    r = s.client(a.json["access_token"]).get(API + "/auth/me")
    t.eq((r.status, r.code), (401, "session_revoked"),
         "and its access token, at once")

    c = s.login(user)
    both = web.parallel(8, lambda i: use(c.refresh_token))
    t.eq((len({r.json.get("refresh_token") for r in both}),
          {r.status for r in both}), (1, {200}),
         "eight at once with an unused one: one successor")

    r = use("rt_" + "x" * 43)
    t.eq((r.status, r.code), (401, "refresh_invalid"), "an unknown token")

    c = s.login(user)
    s.sql("UPDATE refresh_tokens SET expires_at = now() - interval '1 s' "
          "WHERE session_id = %s", (shapes.claims(c.token)["sid"],))
    t.eq(use(c.refresh_token).code, "refresh_invalid", "an expired token")

    c = s.login(user)
    c.post(API + "/auth/logout")
    t.eq(use(c.refresh_token).status, 401,
         "a logged-out session is not refreshed")


def conversations(t, s):
    ten = s.tenants[0]
    c = s.login(ten.agent)
    r = c.get(CONV)
    t.eq((r.status, r.json["data"], r.json["next_cursor"]), (200, [], None),
         "an empty list")
    t.ok(r.json["since"]["seq"] == 0 and r.json["since"]["id"] is None,
         "since of an empty log", r)

    phone = wa.phone()
    s.say(ten, phone, "first words")
    r = c.get(CONV)
    shapes.check(t, shapes.CONV_LIST, r.json, "the list's shape")
    conv = r.json["data"][0]
    t.eq((conv["contact"]["phone"], conv["status"], conv["unread_count"],
          conv["last_message"], conv["assigned_to"], conv["tags"],
          conv["metadata"], conv["whatsapp_config_id"]),
         ("+" + phone, "active", 1, "first words", None, [], {}, ten.config),
         "the conversation that a message opened")
    head = s.sql("SELECT seq, id::text FROM tenant_event_head WHERE "
                 "tenant_id = %s", (ten.id,))[0]
    t.eq((r.json["since"]["seq"], r.json["since"]["id"]), head,
         "since is the event head")

    g = c.get(CONV + "/" + conv["id"])
    t.eq((g.status, g.json), (200, conv), "get is what the list said")
    sql = s.one("SELECT pytake_conv_json(%s)", (conv["id"],))
    t.eq(json.loads(sql), conv, "SQL and the core write the same JSON")

    user = ten.agent
    s.sql("UPDATE conversations SET assigned_to = %s, metadata = "
          "'{\"n\": 12345678901234567890, \"u\": \"\\u00e9\\u4e2d\"}', "
          "status = 'snoozed' WHERE id = %s", (user.id, conv["id"]))
    s.sql("INSERT INTO conversation_tags (tenant_id, conversation_id, tag) "
          "VALUES (%s, %s, 'vip'), (%s, %s, 'b \"quoted\"')",
          (ten.id, conv["id"], ten.id, conv["id"]))
    g = c.get(CONV + "/" + conv["id"])
    sql = s.one("SELECT pytake_conv_json(%s)", (conv["id"],))
    t.eq(json.loads(sql), g.json, "also with tags, metadata, assignment")
    t.eq((g.json["assigned_to"], g.json["tags"], g.json["metadata"]["n"]),
         (user.id, ['b "quoted"', "vip"], 12345678901234567890),
         "tags sorted, numbers exact")
    s.sql("UPDATE conversations SET assigned_to = NULL, status = 'active' "
          "WHERE id = %s", (conv["id"],))

    r = c.get(CONV + "/" + stack.uuid7())
    t.eq((r.status, r.code), (404, "not_found"), "an id nobody has")


def paging(t, s):
    ten = s.add_tenant("Paging")
    c = s.login(ten.agent)
    ids = s.add_conversations(ten, 130)

    got, cursor, pages, inserted = [], None, 0, []
    while True:
        target = CONV + "?limit=25" + ("&cursor=" + cursor if cursor else "")
        r = c.get(target)
        if r.status != 200:
            t.ok(False, "a page", r)
            break
        got += [x["id"] for x in r.json["data"]]
        pages += 1
        cursor = r.json["next_cursor"]
        if cursor is None:
            break
        # Somebody writes while the reader turns the pages.
        inserted.append(s.say(ten, wa.phone(), "newcomer"))
    t.eq(got, ids, "130 conversations over pages, stable under inserts")
    t.eq(pages, 6, "six pages of 25")
    r = c.get(CONV)
    t.eq(len(r.json["data"]), 20, "20 by default")
    t.eq(c.get(CONV + "?limit=100").json["data"][0]["last_message"],
         "newcomer", "newest activity first")

    # Equal activity: the id decides, nothing twice, nothing left out.
    s.sql("UPDATE conversations SET activity_at = now() WHERE tenant_id = "
          "%s", (ten.id,))
    seen, cursor = [], None
    while True:
        r = c.get(CONV + "?limit=7" + ("&cursor=" + cursor if cursor
                                       else ""))
        seen += [x["id"] for x in r.json["data"]]
        cursor = r.json["next_cursor"]
        if cursor is None:
            break
    total = s.one("SELECT count(*) FROM conversations WHERE tenant_id = %s",
                  (ten.id,))
    t.ok(len(seen) == total == len(set(seen)) and seen == sorted(
        seen, reverse=True), "equal activity: by id", "%d %d" % (len(seen),
                                                                 total))

    conv = ids[0]
    now = int(time.time())
    contact = s.sql("SELECT k.id FROM conversations c JOIN contacts k ON "
                    "k.id = c.contact_id WHERE c.id = %s", (conv,))[0][0]
    phone = wa.phone()
    s.sql("INSERT INTO contact_identities (tenant_id, kind, value, "
          "contact_id) VALUES (%s, 'phone', %s, %s)",
          (ten.id, phone, contact))
    msgs = [wa.text(phone, "m%d" % i, at=now - 100 + i) for i in range(60)]
    s.hook(wa.body(wa.value(ten.number, msgs[:30])))
    s.hook(wa.body(wa.value(ten.number, msgs[30:])))
    got, cursor = [], None
    while True:
        r = c.get("%s/%s/messages?limit=17%s" % (
            CONV, conv, "&cursor=" + cursor if cursor else ""))
        shapes.check(t, shapes.MSG_LIST, r.json, "a page of messages",
                     quiet=True)
        got += r.json["data"]
        cursor = r.json["next_cursor"]
        if cursor is None:
            break
        s.say(ten, phone, "late")
    t.eq([m["content"] for m in got],
         ["m%d" % i for i in range(59, -1, -1)],
         "60 messages, newest first, stable under inserts")

    for what, q, status, code in (
            ("limit 0", "limit=0", 422, "validation_failed"),
            ("limit 101", "limit=101", 422, "validation_failed"),
            ("limit x", "limit=x", 422, "validation_failed"),
            ("a foreign word as cursor", "cursor=abc", 400,
             "invalid_cursor"),
            ("an unknown argument", "sleep=1", 422, "validation_failed")):
        r = c.get(CONV + "?" + q)
        t.ok(r.status in (400, 422) and r.status == status
             and r.code == code, what + ": " + code, r)


def filters(t, s):
    ten = s.add_tenant("Filters")
    c = s.login(ten.agent)
    ids = s.add_conversations(ten, 12)
    user = ten.agent
    s.sql("UPDATE conversations SET status = 'pending' WHERE id = ANY(%s"
          "::uuid[])", (ids[:3],))
    s.sql("UPDATE conversations SET assigned_to = %s WHERE id = ANY(%s"
          "::uuid[])", (user.id, ids[2:6]))
    s.sql("INSERT INTO conversation_tags SELECT tenant_id, id, 'vip' FROM "
          "conversations WHERE id = ANY(%s::uuid[])", (ids[1:4],))
    contact = c.get(CONV + "/" + ids[5]).json["contact"]["id"]

    def got(q):
        r = c.get(CONV + "?limit=50&" + q)
        return [x["id"] for x in r.json["data"]] if r.status == 200 else r

    t.eq(got("status=pending"), ids[:3], "by status")
    t.eq(got("assigned_to=" + user.id), ids[2:6], "by assignment")
    t.eq(got("unassigned=true"), ids[:2] + ids[6:], "unassigned")
    t.eq(got("tag=vip"), ids[1:4], "by tag")
    t.eq(got("contact_id=" + contact), [ids[5]], "by contact")
    t.eq(got("status=pending&assigned_to=" + user.id), [ids[2]],
         "two at once")
    t.eq(got("status=pending&tag=vip"), ids[1:3], "status and tag")
    t.eq(got("contact_id=%s&status=closed" % contact), [],
         "contact and status")
    combined(t, s, ten, c)
    r = c.get(CONV + "?status=nonsense&assigned_to=x")
    t.eq((r.status, sorted(e["field"] for e in r.json["errors"])),
         (422, ["assigned_to", "status"]), "both faulty filters are named")
    one = c.get(CONV + "?status=pending&limit=1").json["next_cursor"]
    r = c.get(CONV + "?status=active&limit=1&cursor=" + one)
    t.eq((r.status, r.code), (400, "invalid_cursor"),
         "a cursor goes with its list")


def combined(t, s, ten, c):
    """Every combination of filters, page by page.  Rows of one moment: only
    their ids tell them apart."""
    s.sql("UPDATE conversations SET status = 'closed' WHERE tenant_id = %s "
          "AND status = 'active' AND id IN (SELECT id FROM conversations "
          "WHERE tenant_id = %s ORDER BY id LIMIT 6)", (ten.id, ten.id))
    s.sql("UPDATE conversations SET activity_at = date_trunc('day', "
          "activity_at) WHERE tenant_id = %s", (ten.id,))
    contact = s.one("SELECT contact_id FROM conversations WHERE tenant_id = "
                    "%s AND assigned_to IS NOT NULL LIMIT 1", (ten.id,))
    wrong = []
    asked = 0
    for status in (None, "active", "pending", "snoozed", "closed"):
        for whose in (None, "unassigned=true", "assigned_to=" + ten.agent.id):
            for tag in (None, "vip", "none"):
                for who in (None, contact):
                    q = "&".join(x for x in (
                        status and "status=" + status, whose,
                        tag and "tag=" + tag,
                        who and "contact_id=" + who) if x)
                    want = [r[0] for r in s.sql(
                        "SELECT id FROM conversations c WHERE tenant_id = %s "
                        "AND (%s IS NULL OR status = %s) AND CASE %s WHEN "
                        "'' THEN true WHEN 'unassigned=true' THEN assigned_to "
                        "IS NULL ELSE assigned_to = %s END AND (%s IS NULL OR "
                        "EXISTS (SELECT 1 FROM conversation_tags t WHERE "
                        "t.conversation_id = c.id AND t.tag = %s)) AND (%s IS "
                        "NULL OR contact_id = %s) ORDER BY activity_at DESC, "
                        "id DESC", (ten.id, status, status, whose or "",
                                    ten.agent.id, tag, tag, who, who))]
                    got, cursor = [], ""
                    while cursor is not None and len(got) <= len(want):
                        r = c.get(CONV + "?limit=2&" + q + cursor)
                        got += [x["id"] for x in r.json["data"]]
                        cursor = r.json["next_cursor"]
                        cursor = cursor and "&cursor=" + cursor
                    asked += len(want)
                    if got != want:
                        wrong.append((q, got, want))
    t.ok(not wrong and asked > 50, "90 combinations of filters, by twos",
         (asked, wrong[:3]))


def create(t, s):
    ten = s.add_tenant("Create")
    c = s.login(ten.agent)
    contact = s.add_contact(ten, "Zoe")
    r = c.post(CONV, {"contact_id": contact})
    t.eq(r.status, 201, "create")
    shapes.check(t, shapes.CONV, r.json, "its shape")
    t.eq(r.headers.get("location"), CONV + "/" + r.json["id"], "Location")
    t.eq(r.json["contact"]["name"], "Zoe", "its contact")
    t.eq(c.get(r.headers["location"]).json, r.json, "get gives the same")
    again = c.post(CONV, {"contact_id": contact})
    t.eq((again.status, again.json["id"]), (200, r.json["id"]),
         "the one already open is 200")
    t.eq(s.one("SELECT count(*) FROM conversations WHERE tenant_id = %s",
               (ten.id,)), 1, "there is one")

    for what, initial in (("a string", "hello there"),
                          ("an object", {"message_type": "text",
                                         "content": "hello there"})):
        who = s.add_contact(ten)
        r = c.post(CONV, {"contact_id": who, "initial_message": initial})
        t.eq((r.status, r.json.get("last_message")), (201, "hello there"),
             "with an initial message, " + what)
        m = c.get("%s/%s/messages" % (CONV, r.json["id"])).json["data"]
        t.eq([(x["content"], x["status"], x["sender_id"]) for x in m],
             [("hello there", "pending", ten.agent.id)], "it is sent")
        r = c.post(CONV, {"contact_id": who, "initial_message": initial})
        m = c.get("%s/%s/messages" % (CONV, r.json["id"])).json["data"]
        t.eq((r.status, len(m)), (200, 2), "sent in either case")

    r = c.post(CONV, {"contact_id": stack.uuid7()})
    t.ok(r.status in (404, 422), "an unknown contact is refused", r)
    r = c.post(CONV, {"contact_id": "x", "whatsapp_config_id": 1, "n": 1,
                      "initial_message": ""})
    t.eq((r.status, {"contact_id", "whatsapp_config_id", "n",
                     "initial_message"} - {e["field"] for e in
                                           r.json.get("errors", [])}),
         (422, set()), "all four faults are listed")
    r = c.post(CONV, {"contact_id": contact, "whatsapp_config_id":
                      stack.uuid7()})
    t.ok(r.status in (404, 422), "an unknown number is refused", r)

    s.add_number(ten)
    who = s.add_contact(ten)
    r = c.post(CONV, {"contact_id": who})
    t.eq((r.status, r.code), (422, "whatsapp_config_required"),
         "two numbers: it must be said which")
    r = c.post(CONV, {"contact_id": who,
                      "whatsapp_config_id": ten.numbers[1][0]})
    t.eq((r.status, r.json.get("whatsapp_config_id")),
         (201, ten.numbers[1][0]), "said")

    who = s.add_contact(ten)
    rs = web.parallel(16, lambda i: s.client(c.token).post(
        CONV, {"contact_id": who, "whatsapp_config_id": ten.config}))
    t.eq((sorted(r.status for r in rs), len({r.id for r in rs})),
         ([200] * 15 + [201], 1), "sixteen at once: one conversation")


def messages(t, s):
    ten = s.add_tenant("Messages")
    c = s.login(ten.agent)
    phone = wa.phone()
    at = int(time.time()) - 3600
    mid = s.say(ten, phone, "caf\u00e9 \U0001f600 \"q\" \\ /", at=at)
    conv = c.get(CONV).json["data"][0]
    r = c.get("%s/%s/messages" % (CONV, conv["id"]))
    m = r.json["data"][0]
    shapes.check(t, shapes.MSG_LIST, r.json, "the shape of a thread")
    t.eq((m["content"], m["sender_type"], m["sender_id"], m["message_type"],
          m["whatsapp_message_id"], m["status"], m["error"], m["reply_to"],
          m["conversation_id"]),
         ("caf\u00e9 \U0001f600 \"q\" \\ /", "contact", None, "text", mid,
          "delivered", None, None, conv["id"]), "an inbound message")
    t.eq(shapes.ms(m["created_at"]), at * 1000,
         "created_at is WhatsApp's time")
    t.ok(abs(shapes.ms(m["received_at"]) - time.time() * 1000) < 60000,
         "received_at is ours", m)
    r = c.get("%s/%s/messages" % (CONV, stack.uuid7()))
    t.eq((r.status, r.code), (404, "not_found"),
         "the thread of an unknown conversation")


def send(t, s):
    ten = s.add_tenant("Send")
    c = s.login(ten.agent)
    s.say(ten, wa.phone(), "hi")
    conv = c.get(CONV).json["data"][0]["id"]
    target = "%s/%s/messages" % (CONV, conv)
    before = time.time() * 1000
    r = c.post(target, {"content": "Ol\u00e1 \U0001f44b"})
    t.eq(r.status, 201, "send")
    shapes.check(t, shapes.MSG, r.json, "its shape")
    m = r.json
    t.eq((m["content"], m["sender_type"], m["sender_id"], m["message_type"],
          m["whatsapp_message_id"], m["status"], m["conversation_id"]),
         ("Ol\u00e1 \U0001f44b", "agent", ten.agent.id, "text", None,
          "pending", conv), "what was sent")
    t.ok(before - 5 <= stack.uuid_ms(m["id"]) <= time.time() * 1000 + 5,
         "the id tells the time")
    t.eq(stack.uuid_ms(m["id"]), shapes.ms(m["created_at"]),
         "id and created_at agree")
    t.eq(c.get(target).json["data"][0], m, "the thread shows the same")
    row = s.sql("SELECT conversation_id::text, whatsapp_config_id::text, "
                "lane, attempts, claimed_at FROM outbox WHERE message_id = "
                "%s", (m["id"],))
    t.eq(row, [(conv, ten.config, 0, 0, None)], "it stands in the outbox")
    g = c.get(CONV + "/" + conv).json
    t.eq((g["last_message"], g["last_message_time"], g["unread_count"]),
         (m["content"], m["created_at"], 1),
         "the conversation follows, unread stays")

    r = c.post(target, {"message_type": "text", "content": "typed"})
    t.eq(r.status, 201, "with message_type")
    long = "x" * 4096
    t.eq(c.post(target, {"content": long}).status, 201, "4,096 characters")
    t.eq(len(c.get(CONV + "/" + conv).json["last_message"]), 200,
         "last_message is cut at 200")
    r = c.post(target, {"content": "\U0001f600" * 4096})
    t.eq(r.status, 201, "4,096 characters of four bytes")
    for what, body in (("one more", {"content": long + "x"}),
                       ("empty", {"content": ""}), ("none", {}),
                       ("a number", {"content": 5}),
                       ("null", {"content": None}),
                       ("an unknown field", {"content": "a", "to": "b"}),
                       ("an unknown type", {"message_type": "nonsense",
                                            "content": "a"}),
                       ("U+0000", {"content": "a\0b"}),
                       ("a lone surrogate", {"content": "a\ud83d"}),
                       ("half an emoji in metadata", {
                           "content": "a", "metadata": {"k": ["\ude00"]}})):
        r = c.post(target, body)
        t.eq((r.status, r.code, bool(r.json.get("errors"))),
             (422, "validation_failed", True), "refused: " + what)
    r = c.post(target, body=b'{"content":"a","metadata":{"n":['
               + b",".join([b"1e131000"] * 40) + b"]}}")
    t.eq((r.status, [(e["field"], e["code"]) for e in r.json["errors"]]),
         (422, [("metadata", "invalid")]), "refused: 131,001 digits in nine")
    r = c.post(target, body=b'{"content":"a","metadata":{"n":['
               + b",".join([b"-1e39"] * 1000) + b"]}}")
    t.eq(r.status, 201, "40 digits are taken")
    r = c.get(target + "?limit=1")
    t.eq((r.status, r.json["data"][0]["metadata"]["n"]),
         (200, [-10 ** 39] * 1000), "... and shown")
    # one that came in while it waited for the row
    s.sql("UPDATE conversations SET last_message = 'newer', "
          "last_message_time = now() + interval '1 minute' WHERE id = %s",
          (conv,))
    newer = c.get(CONV + "/" + conv).json
    r = c.post(target, {"content": "older"})
    g = c.get(CONV + "/" + conv).json
    t.eq((r.status, g["last_message"], g["last_message_time"]),
         (201, "newer", newer["last_message_time"]),
         "a newer message stays the last one")
    frame = json.loads(s.one("SELECT frame FROM event_log WHERE tenant_id = "
                             "%s ORDER BY seq DESC LIMIT 1", (ten.id,)))
    t.eq([frame["data"]["conversation"][k] for k in (
        "last_message", "last_message_time")],
         ["newer", newer["last_message_time"]], "... in the event, too")
    r = c.post("%s/%s/messages" % (CONV, stack.uuid7()), {"content": "a"})
    t.eq((r.status, r.code), (404, "not_found"), "to nobody")
    t.eq(s.one("SELECT count(*) FROM outbox WHERE tenant_id = %s",
               (ten.id,)),
         s.one("SELECT count(*) FROM messages WHERE tenant_id = %s AND "
               "sender_type = 'agent'", (ten.id,)),
         "one outbox row a sent message")


def errors(t, s):
    ten = s.tenants[0]
    c = s.login(ten.agent)
    cases = [
        ("no such route", "GET", API + "/nothing", {}, 404,
         "route_not_found"),
        ("outside the API", "GET", "/nothing", {}, 404, None),
        ("wrong verb", "DELETE", CONV, {}, 405, "method_not_allowed"),
        ("wrong verb on one", "PUT", CONV + "/" + stack.uuid7(), {}, 405,
         "method_not_allowed"),
        ("no UUID", "GET", CONV + "/abc", {}, 404, None),
        ("media type", "POST", CONV,
         {"body": b"a=b", "headers": {"Content-Type":
          "application/x-www-form-urlencoded"}}, 415,
         "unsupported_media_type"),
        ("not JSON", "POST", CONV, {"body": b"{nope"}, 400, "invalid_json"),
        ("empty", "POST", CONV, {"body": b""}, 400, None),
        ("an array", "POST", CONV, {"body": b"[]"}, None, None),
        ("too deep", "POST", CONV, {"body": b'{"a":' + b"[" * 200
                                    + b"]" * 200 + b"}"}, 413,
         "body_too_large"),
        ("too large", "POST", CONV, {"body": b'{"a":"' + b"x" * (1 << 20)
                                     + b'"}'}, 413, "body_too_large"),
        ("not UTF-8", "POST", CONV, {"body": b'{"contact_id":"\xff"}'}, 400,
         "invalid_json"),
        ("no token", "GET", CONV, {"auth": False}, 401, "unauthorized"),
        ("no bearer", "GET", CONV, {"headers": {"Authorization":
                                                "Basic eDp5"}}, 401, None),
        ("nonsense token", "GET", CONV, {"headers": {
            "Authorization": "Bearer a.b.c"}}, 401, "invalid_token"),
    ]
    for what, method, target, kw, status, code in cases:
        r = c.request(method, target, **kw)
        ok = (r.status == status if status else 400 <= r.status < 500)
        t.ok(ok and (code is None or r.code == code), what, r)
        try:
            shapes.check(t, shapes.PROBLEM, r.json, what + ": problem+json",
                         quiet=True)
            t.ok(r.headers.get("content-type", "").startswith(
                "application/problem+json")
                and r.json["status"] == r.status
                and r.json["request_id"] == r.headers.get("x-request-id"),
                what + ": type, status and request id", r.headers)
        except (ValueError, KeyError):
            t.ok(False, what + ": problem+json", r)
    r = c.request("DELETE", CONV)
    t.eq({x.strip() for x in r.headers.get("allow", "").split(",")} -
         {"HEAD", "OPTIONS"}, {"GET", "POST"}, "405 has Allow")

    # A client that errs goes on with its connection.
    conn = web.Conn(s.port)
    h = {"Authorization": "Bearer " + c.token}
    a = conn.request("GET", API + "/nothing", h)
    b = conn.request("GET", API + "/auth/me", h)
    t.eq((a.status, b.status), (404, 200), "the connection goes on")
    conn.close()

    conn = web.Conn(s.port)
    conn.send(b"GET / HTTP/1.1\r\nHost\x00: x\r\n\r\n")
    r = conn.read()
    t.ok(r.status == 400 and r.code is not None,
         "nginx's own 400 is a problem, too", r)
    conn.close()
    conn = web.Conn(s.port)
    r = conn.request("GET", "/" + "a" * 20000)
    t.ok(r.status == 414 and r.code is not None, "and its 414", r)
    conn.close()

    # A body in pieces, chunked, with charset.
    conn = web.Conn(s.port)
    body = json.dumps({"email": ten.agent.email,
                       "password": ten.agent.password}).encode()
    conn.send(web.request_bytes("POST", API + "/auth/login", {
        "Content-Type": "application/json; charset=utf-8",
        "Transfer-Encoding": "chunked"}))
    for i in range(0, len(body), 7):
        piece = body[i:i + 7]
        conn.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    conn.send(b"0\r\n\r\n")
    t.eq(conn.read("POST").status, 200, "a chunked body in small pieces")
    conn.close()


def request_ids(t, s):
    c = s.login(s.tenants[0].agent)
    rid = "Abc-12.3~x:y+z=/_9"
    r = c.get(API + "/auth/me", headers={"X-Request-Id": rid})
    t.eq(r.headers.get("x-request-id"), rid, "a client's id comes back")
    for bad in ("a b", "x" * 129, 'a"b', ""):
        r = c.get(API + "/auth/me", headers={"X-Request-Id": bad})
        got = r.headers.get("x-request-id", "")
        t.ok(got != bad and re.fullmatch(r"[A-Za-z0-9._~:+/=-]{1,128}", got),
             "another one for %r" % bad[:10], got)
    r = c.get(API + "/nothing", headers={"X-Request-Id": "err-1"})
    t.eq((r.headers.get("x-request-id"), r.json["request_id"]),
         ("err-1", "err-1"), "in a problem as well")
    a, b = (c.get(API + "/auth/me").headers["x-request-id"]
            for _ in range(2))
    t.ok(a != b, "made ids differ")
    conv = c.get(CONV).json["data"][0]["id"]
    c.get(CONV + "/" + conv, headers={"X-Request-Id": "log-line-7"})

    def logged():
        with open(s.nginx.access_log) as f:
            lines = [x for x in f if "log-line-7" in x]
        return lines and json.loads(lines[0])
    line = stack.wait_until(logged, 5, "the access log line")
    text = json.dumps(line)
    t.ok(s.tenants[0].id in text and s.tenants[0].agent.id in text
         and conv in text, "the access log has user, tenant, conversation",
         text)


def idempotency(t, s):
    ten = s.add_tenant("Idem")
    c = s.login(ten.agent)
    s.say(ten, wa.phone(), "hi")
    conv = c.get(CONV).json["data"][0]["id"]
    target = "%s/%s/messages" % (CONV, conv)

    def post(key, body, who=c, to=target):
        return who.request("POST", to, body=body,
                           headers={"Idempotency-Key": key})

    def count():
        return s.one("SELECT count(*) FROM messages WHERE tenant_id = %s "
                     "AND sender_type = 'agent'", (ten.id,))

    body = b'{"content":"once"}'
    a, b = post("k1", body), post("k1", body)
    t.eq((a.status, b.status, count()), (201, 201, 1), "one key, one row")
    t.eq(a.body, b.body, "the same answer, byte for byte")
    t.eq((a.headers.get("idempotent-replayed"),
          b.headers.get("idempotent-replayed")), (None, "true"),
         "Idempotent-Replayed")
    t.eq(s.nginx.log_lines("idem_store"), [], "is no fault in the log")
    r = post("k1", b'{"content": "once"}')
    t.eq((r.status, r.code), (422, "idempotency_mismatch"),
         "another body (even a blank) is a mismatch")
    r = post("k2", b'{"content":""}')
    t.eq(r.status, 422, "a refusal ...")
    t.eq((post("k2", body).status, count()), (201, 2), "... is not stored")
    other = s.login(ten.users[0])
    t.eq((post("k1", body, other).status, count()), (201, 3),
         "another user's key is another key")
    t.eq(post("x" * 256, body).code, "invalid_idempotency_key",
         "an overlong key")
    t.eq(s.one("SELECT count(*) FROM outbox WHERE tenant_id = %s",
               (ten.id,)), 3, "one outbox row a message")

    who = s.add_contact(ten)
    cb = json.dumps({"contact_id": who}).encode()
    a, b = post("c1", cb, to=CONV), post("c1", cb, to=CONV)
    t.eq((a.status, b.status, a.headers.get("location"), a.body),
         (201, 201, b.headers.get("location"), b.body),
         "a creation is replayed with its 201 and Location")
    sql = s.one("SELECT pytake_conv_json(%s)", (a.id,))
    t.eq(json.loads(sql), a.json, "its kept JSON is the core's")
    who = s.add_contact(ten)
    cb = json.dumps({"contact_id": who, "initial_message": "yo"}).encode()
    a, b = post("c2", cb, to=CONV), post("c2", cb, to=CONV)
    t.eq((a.status, a.body, b.headers.get("idempotent-replayed")),
         (201, b.body, "true"), "also with a message")
    t.eq(len(c.get("%s/%s/messages" % (CONV, a.id)).json["data"]), 1,
         "sent once")
    s.sql("UPDATE idempotency_keys SET created_at = created_at - "
          "interval '25 hours' WHERE tenant_id = %s AND key = 'k1'",
          (ten.id,))
    r = post("k1", b'{"content":"a day later"}')
    t.eq((r.status, r.headers.get("idempotent-replayed")), (201, None),
         "after 24 h a key is new")

    # A closed conversation's refusal does not hide what was answered once.
    r = post("k1", b'{"content":"a day later"}')
    t.eq((r.status, r.headers.get("idempotent-replayed")), (201, "true"),
         "and kept again")


def twins(t, s):
    ten = s.add_tenant("Twins")
    c = s.login(ten.agent)
    s.say(ten, wa.phone(), "hi")
    conv = c.get(CONV).json["data"][0]["id"]
    target = "%s/%s/messages" % (CONV, conv)
    rounds = tap.size(10, 60)
    for i in range(rounds):
        rs = web.parallel(12, lambda n: s.client(c.token).request(
            "POST", target, body=b'{"content":"twin"}',
            headers={"Idempotency-Key": "twin-%d" % i}))
        good = [r for r in rs if r.status == 201]
        if (len({r.body for r in good}) != 1
                or any(r.status not in (201, 409) for r in rs)
                or sum("idempotent-replayed" not in r.headers
                       for r in good) != 1):
            t.ok(False, "racing twins", rs)
            return
    t.eq(s.one("SELECT count(*) FROM messages WHERE tenant_id = %s AND "
               "sender_type = 'agent'", (ten.id,)), rounds,
         "%d times twelve racing twins: one row each" % rounds)
    t.eq(s.one("SELECT count(*) FROM event_log WHERE tenant_id = %s AND "
               "event = 'message_sent'", (ten.id,)), rounds,
         "and one event each")

    # The first is held up: its twin waits, and past the deadline is told.
    def held(i):
        return s.client(c.token).request(
            "POST", target, body=b'{"content":"held"}',
            headers={"Idempotency-Key": "held"})

    db = s.pg.connect()
    db.autocommit = False
    cur = db.cursor()
    cur.execute("UPDATE tenant_event_head SET seq = seq WHERE tenant_id = "
                "%s", (ten.id,))
    rs = web.parallel(4, held)
    db.rollback()
    t.ok({r.status for r in rs} <= {409, 503} and all(
        r.code == "idempotency_in_progress" for r in rs if r.status == 409)
        and max(r.ms for r in rs) < 2000,
        "held up past the deadline: 409 or 503, within 2 s", rs)
    cur.execute("SELECT pg_advisory_xact_lock(hashtextextended("
                "%s || ' ' || (SELECT scope FROM idempotency_keys WHERE "
                "tenant_id = %s LIMIT 1) || ' held', 7305810))",
                (ten.id, ten.id))
    r = held(0)
    db.rollback()
    db.close()
    t.ok(r.status == 409 and r.code == "idempotency_in_progress"
         and r.ms < 2000, "a first that does not end: its twin is told 409 "
                          "idempotency_in_progress within 2 s", r)
    rs = [stack.wait_until(lambda: (lambda r: r.status == 201 and r)(
        held(0)), 5, "the retry") for _ in range(3)]
    n = s.one("SELECT count(*) FROM messages WHERE tenant_id = %s AND "
              "content = 'held'", (ten.id,))
    t.eq((len({r.body for r in rs}), n), (1, 1),
         "repeated afterwards: one message, one answer")


def health(t, s):
    c = s.client()
    r = c.get("/health")
    t.eq(r.status, 200, "health")
    t.eq((set(r.json), r.json["services"].get("database"),
          r.json["services"].get("redis")),
         ({"status", "timestamp", "services"}, True, True), "its shape")
    t.ok(r.json["status"] in ("healthy", "degraded"), "its status", r)
    t.eq((c.get("/health/live").status, c.get("/health/ready").status),
         (200, 200), "live and ready")
    m = c.get("/metrics")
    t.ok(m.status == 200 and m.headers["content-type"].startswith(
        "text/plain") and b"pytake_" in m.body, "metrics")
    s.stop_redis()

    def degraded():
        r = c.get("/health")
        return r.status == 200 and r.json["status"] == "degraded" \
            and r.json["services"]["redis"] is False
    t.ok(stack.wait_until(degraded, 10, "degraded"),
         "Redis away: degraded, 200")
    ten = s.tenants[0]
    t.ok(s.say(ten, wa.phone(), "without Redis"),
         "webhooks go on without Redis")
    s.start_redis()
    stack.wait_until(lambda: c.get("/health").json["services"]["redis"], 10,
                     "Redis' return")
    t.ok(True, "Redis back: seen")


tap.run(main)
