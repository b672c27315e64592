#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""A tenant cannot see another, and no token opens what it should not."""

import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import openapi
import shapes
import stack
import tap
import wa

API = "/api/v1"
CONV = API + "/conversations"


def main(t):
    with stack.Stack() as s:
        for part in (foreign_ids, lists, settings, tokens, sessions, viewer, cursors,
                     sql):
            t.head(part.__name__)
            part(t, s)
        s.check_logs(t)


def furnish(s, ten):
    """A tenant with a thread; its ids by kind."""
    c = s.login(next(u for u in ten.users if u.role == "owner"))
    s.say(ten, wa.phone(), "secret of " + ten.name)
    conv = c.get(CONV).json["data"][0]
    m = c.post("%s/%s/messages" % (CONV, conv["id"]),
               {"content": "reply of " + ten.name}).json
    tag = c.post(API + "/tags", {"name": "tag of " + ten.name}).json
    reply = c.post(API + "/quick-replies", {
        "shortcut": "oi", "content": "text of " + ten.name}).json
    return c, {"/tags": tag["id"], "/quick-replies": reply["id"],
               "conversation": conv["id"], "contact": conv["contact"]["id"],
               "config": ten.config, "user": ten.agent.id,
               "message": m["id"], "tenant": ten.id}


def pick(ids, name, path=""):
    """The id that a parameter of this name wants."""
    for kind in ("message", "contact", "config", "user", "tenant"):
        if kind in name:
            return ids[kind]
    for noun in ("/tags", "/quick-replies"):
        if name == "id" and noun in path:
            return ids[noun]
    return ids["conversation"]


def foreign_ids(t, s):
    doc = openapi.Document()
    a, b = s.tenants[:2]
    mine, my = furnish(s, a)
    theirs, their = furnish(s, b)
    before = snapshot(s, b)
    asked = 0
    for o in doc.operations():
        if (o.public or not o.path.startswith(API)
                or "/webhooks/" in o.path):
            continue
        if o.params:
            body = o.body(lambda n: pick(my, n))
            target = o.target(lambda n: pick(their, n, o.path))
            r = mine.request(o.method, target, json=body)
            t.eq((r.status, r.code), (404, "not_found"),
                 "%s %s with another tenant's id" % (o.method, o.path))
            nobody = mine.request(o.method, o.target(
                lambda n: stack.uuid7()), json=body)
            t.ok(faceless(r) == faceless(nobody),
                 "%s %s: as one that nobody has" % (o.method, o.path),
                 (r, nobody))
            asked += 1
        schema = doc.deref(o.body_schema() or {})
        for field, sub in schema.get("properties", {}).items():
            if doc.deref(sub).get("format") != "uuid":
                continue
            body = o.body(lambda n: pick(my, n))
            body[field] = pick(their, field)
            r = mine.request(o.method, o.target(lambda n: pick(my, n, o.path)),
                             json=body)
            t.ok(r.status in (404, 422) and secretless(r, b),
                 "%s %s with another tenant's %s" % (o.method, o.path,
                                                     field), r)
            asked += 1
        for p in o.parameters:
            if p.get("in") == "query" and doc.deref(
                    p["schema"]).get("format") == "uuid":
                r = mine.get("%s?%s=%s" % (o.target(lambda n: pick(my, n, o.path)),
                                           p["name"],
                                           pick(their, p["name"])))
                t.ok(r.status in (200, 404, 422) and secretless(r, b)
                     and (r.status != 200 or r.json["data"] == []),
                     "%s %s?%s= of another tenant: nothing"
                     % (o.method, o.path, p["name"]), r)
                asked += 1
    t.ok(asked >= 6, "routes were asked (%d)" % asked)
    t.eq(snapshot(s, b), before, "nothing of the other tenant changed")


def faceless(r):
    body = r.json
    body.pop("request_id", None)
    return r.status, body


def secretless(r, ten):
    return ("of " + ten.name).encode() not in r.body \
        and ten.id.encode() not in r.body


def snapshot(s, ten):
    return [s.sql("SELECT count(*), max(%s::text) FROM %s WHERE tenant_id = "
                  "%%s" % (col, table), (ten.id,))
            for table, col in (("conversations", "updated_at"),
                               ("messages", "received_at"),
                               ("contacts", "updated_at"),
                               ("outbox", "created_at"),
                               ("event_log", "seq"))]


def lists(t, s):
    a, b = s.tenants[:2]
    for me, other in ((a, b), (b, a)):
        r = s.login(me.agent).get(CONV + "?limit=100")
        t.ok(r.status == 200 and len(r.json["data"]) == 1
             and secretless(r, other), me.name + " lists its own alone", r)


def settings(t, s):
    """Without an id, they are those of whoever asks."""
    a, b = s.tenants[:2]
    look = "SELECT * FROM tenants WHERE id = %s"
    theirs = s.sql(look, (b.id,))
    c = s.login(next(u for u in a.users if u.role == "owner"))
    for body in ({"name": a.name + " & Co", "locale": "en"},
                 {"id": b.id, "locale": "en"}, {"tenant_id": b.id},
                 {"name": b.name}):
        r = c.patch(API + "/settings", body)
        t.ok((r.status == 200) == ("locale" in body and "name" in body)
             and b.id.encode() not in r.body, "%r of one" % sorted(body), r)
    t.eq(s.sql(look, (b.id,)), theirs, "the other tenant's are as they were")
    r = c.patch(API + "/settings", {"name": a.name})
    t.eq((r.status, r.json["name"]), (200, a.name), "its own name it may have")


def tokens(t, s):
    ten = s.tenants[0]
    u, other = ten.agent, s.tenants[1].agent
    now = int(time.time())
    good = s.token(u)
    t.eq(s.client(good).get(CONV).status, 200, "a token of ours is good")
    head, body, sig = good.split(".")
    claims = shapes.claims(good)
    strong = s.jwt_secret

    def forged(header, **more):
        c = dict(claims)
        c.update(more)
        return stack.jwt(c, header, strong)

    cases = [
        ("alg none", forged({"alg": "none", "typ": "JWT"}),
         "invalid_token"),
        ("alg None", forged({"alg": "None", "typ": "JWT"}),
         "invalid_token"),
        ("alg none with a signature",
         forged({"alg": "none", "typ": "JWT"}) + sig, "invalid_token"),
        ("no alg", forged({"typ": "JWT"}), "invalid_token"),
        ("alg RS256 signed with our secret",
         forged({"alg": "RS256", "typ": "JWT"}), "invalid_token"),
        ("alg HS512, well signed", forged({"alg": "HS512", "typ": "JWT"}),
         "invalid_token"),
        ("alg HS384, well signed", forged({"alg": "HS384", "typ": "JWT"}),
         "invalid_token"),
        ("alg ES256", forged({"alg": "ES256", "typ": "JWT"}),
         "invalid_token"),
        ("signed with a public key as secret",
         s.token(u, sid=claims["sid"], secret="-----BEGIN PUBLIC KEY-----\n"
                 "MIIBIjANBg\n-----END PUBLIC KEY-----\n"),
         "invalid_token"),
        ("signed with an empty secret",
         s.token(u, sid=claims["sid"], secret=b""), "invalid_token"),
        ("without signature", head + "." + body + ".", "invalid_token"),
        ("two parts", head + "." + body, "invalid_token"),
        ("four parts", good + ".x", "invalid_token"),
        ("another body under the signature", ".".join((
            head, stack.b64(json.dumps(dict(
                claims, role="owner")).encode()), sig)), "invalid_token"),
        ("a cut signature", good[:-2], "invalid_token"),
        ("expired", s.token(u, sid=claims["sid"], lifetime=-60),
         "token_expired"),
        ("not yet valid", s.token(u, sid=claims["sid"], nbf=now + 3600),
         "invalid_token"),
        ("issued in the future", s.token(u, sid=claims["sid"],
                                         iat=now + 3600), "invalid_token"),
        ("another audience", s.token(u, sid=claims["sid"], aud="other"),
         "invalid_token"),
        ("another issuer", s.token(u, sid=claims["sid"], iss="other"),
         "invalid_token"),
        ("no sub", s.token(u, sid=claims["sid"], drop=("sub",)),
         "invalid_token"),
        ("no exp", s.token(u, sid=claims["sid"], drop=("exp",)),
         "invalid_token"),
        ("no aud", s.token(u, sid=claims["sid"], drop=("aud",)),
         "invalid_token"),
        ("no tenant", s.token(u, sid=claims["sid"], drop=("tenant_id",)),
         "invalid_token"),
        ("exp as text", s.token(u, sid=claims["sid"], exp="9999999999"),
         "invalid_token"),
        ("too long", "a" * 5000, "invalid_token"),
        ("an unknown session", s.token(u, sid=stack.uuid7()),
         "session_revoked"),
        ("another tenant with this session",
         s.token(u, sid=claims["sid"], tenant_id=s.tenants[1].id),
         "session_revoked"),
        ("another user with this session",
         s.token(u, sid=claims["sid"], sub=other.id), "session_revoked"),
    ]
    for what, token, code in cases:
        r = s.client(token).get(CONV)
        t.ok(r.status == 401 and r.code == code, what + ": " + code, r)
    r = s.client(good).get(CONV)
    t.eq(r.status, 200, "and the good one goes on")
    for what, header in (("no scheme", good), ("Token", "Token " + good),
                         ("twice", "Bearer %s %s" % (good, good)),
                         ("empty", "Bearer ")):
        r = s.client().get(CONV, headers={"Authorization": header})
        t.eq(r.status, 401, "Authorization: " + what)
    r = s.client().get(CONV, headers={"Authorization": "bearer " + good})
    t.eq(r.status, 200, "the scheme has no case")


def sessions(t, s):
    ten = s.tenants[0]
    u = s.add_user(ten)
    c, d = s.login(u), s.login(u)
    c.post(API + "/auth/logout")
    conv = s.login(ten.agent).get(CONV).json["data"][0]["id"]
    for method, target, body in (
            ("GET", CONV, None), ("GET", CONV + "/" + conv, None),
            ("GET", "%s/%s/messages" % (CONV, conv), None),
            ("POST", "%s/%s/messages" % (CONV, conv), {"content": "x"}),
            ("POST", CONV, {"contact_id": stack.uuid7()}),
            ("GET", API + "/auth/me", None),
            ("POST", API + "/auth/logout", None)):
        r = c.request(method, target, json=body)
        t.eq((r.status, r.code), (401, "session_revoked"),
             "logged out: %s %s" % (method, target.replace(conv, "{id}")))
    t.eq(d.get(API + "/auth/me").status, 200, "the other session lives")
    s.sql("UPDATE users SET active = false WHERE id = %s", (u.id,))
    r = d.get(CONV)
    t.eq((r.status, r.code), (401, "session_revoked"),
         "deactivated: the next request is refused")
    r = s.client().post(API + "/auth/login", {"email": u.email,
                                              "password": u.password})
    t.eq((r.status, r.code), (401, "invalid_credentials"), "and the login")
    r = s.client().post(API + "/auth/refresh",
                        {"refresh_token": d.refresh_token})
    t.eq(r.status, 401, "and the refresh")
    v = s.add_user(ten)
    e = s.login(v)
    s.sql("UPDATE users SET role = 'viewer' WHERE id = %s", (v.id,))
    t.eq(e.get(CONV).status, 401, "another role: the old session ends")
    w = s.add_user(ten)
    f = s.login(w)
    s.sql("UPDATE sessions SET expires_at = now() WHERE user_id = %s",
          (w.id,))
    t.eq(f.get(CONV).code, "session_revoked", "an expired session")
    gone = s.add_tenant("Suspended")
    g = s.login(gone.agent)
    s.sql("UPDATE tenants SET status = 'suspended' WHERE id = %s",
          (gone.id,))
    r = s.client().post(API + "/auth/login", {
        "email": gone.agent.email, "password": gone.agent.password})
    t.eq(r.status, 401, "a suspended tenant's login")
    r = s.client().post(API + "/auth/refresh",
                        {"refresh_token": g.refresh_token})
    t.eq(r.status, 401, "... its refresh")
    t.eq(g.get(CONV).code, "session_revoked", "... its sessions, at once")
    g.close()
    late(t, s, ten)


def viewer(t, s):
    """Reads everything, writes nothing, and is told what is missing."""
    ten = s.tenants[0]
    v = s.login(s.add_user(ten, "viewer"))
    s.say(ten, wa.phone(), "hello")
    conv = s.login(ten.agent).get(CONV).json["data"][0]["id"]
    contact = s.add_contact(ten)
    for target in (CONV, CONV + "/" + conv, "%s/%s/messages" % (CONV, conv),
                   API + "/auth/me"):
        t.eq(v.get(target).status, 200,
             "a viewer reads " + target.replace(conv, "{id}"))
    for target, body, need in (
            ("%s/%s/messages" % (CONV, conv), {"content": "x"},
             "message.send"),
            ("%s/%s/messages" % (CONV, stack.uuid7()), {"content": "x"},
             "message.send"),
            (CONV, {"contact_id": contact, "initial_message": "x"},
             "conversation.write")):
        r = v.post(target, body)
        t.eq((r.status, r.code), (403, "forbidden"),
             "a viewer writes " + target.replace(conv, "{id}"))
        t.ok(need in r.json["detail"], "... and is told of " + need, r)
        r = v.request("POST", target, body=b"x",
                      headers={"Content-Type": "text/plain"})
        t.eq(r.status, 403, "... before what is wrong with the body")
    t.eq(s.one("SELECT count(*) FROM messages WHERE conversation_id = %s AND "
               "sender_type <> 'contact'", (conv,)), 0, "nothing was written")


def late(t, s, ten):
    """A login and the user's deactivation at once: no session outlives it."""
    u = s.add_user(ten)
    db = s.pg.connect()
    db.autocommit = False
    cur = db.cursor()
    cur.execute("UPDATE users SET active = false WHERE id = %s", (u.id,))
    answers = []
    login = threading.Thread(target=lambda: answers.append(
        s.client().post(API + "/auth/login", {"email": u.email,
                                              "password": u.password})))
    login.start()
    stack.wait_until(lambda: answers or s.one(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
        "'Lock' AND application_name = 'pytake write'"), 5, "the login")
    db.commit()
    login.join()
    db.close()
    t.ok(answers[0].status in (401, 503), "a login beside a deactivation",
         answers[0])
    t.eq(s.one("SELECT count(*) FROM sessions WHERE user_id = %s AND "
               "revoked_at IS NULL", (u.id,)), 0, "leaves no session")


def cursors(t, s):
    a, b = s.tenants[:2]
    s.add_conversations(a, 5)
    s.add_conversations(b, 5)
    ca, cb = s.login(a.agent), s.login(b.agent)
    good = ca.get(CONV + "?limit=2").json["next_cursor"]
    conv = next(x["id"] for x in ca.get(CONV + "?limit=100").json["data"]
                if x["last_message"])
    for i in range(3):
        ca.post("%s/%s/messages" % (CONV, conv), {"content": "x"})
    thread = ca.get("%s/%s/messages?limit=1" % (CONV, conv)).json[
        "next_cursor"]
    t.eq(ca.get(CONV + "?cursor=" + good).status, 200, "a good cursor")
    bad = [("of another tenant", cb, CONV + "?cursor=" + good),
           ("of another list", ca, CONV + "?cursor=" + thread),
           ("of the list in a thread", ca,
            "%s/%s/messages?cursor=%s" % (CONV, conv, good)),
           ("with other filters", ca, CONV + "?status=active&cursor=" + good),
           ("cut", ca, CONV + "?cursor=" + good[:-1]),
           ("longer", ca, CONV + "?cursor=" + good + "A"),
           ("empty", ca, CONV + "?cursor="),
           ("of blanks", ca, CONV + "?cursor=%20%20")]
    for i in range(0, len(good), 3):
        ch = "A" if good[i] != "A" else "B"
        bad.append(("changed at %d" % i, ca,
                    CONV + "?cursor=" + good[:i] + ch + good[i + 1:]))
    wrong = []
    for what, c, target in bad:
        r = c.get(target)
        if (r.status, r.code) != (400, "invalid_cursor"):
            wrong.append((what, r))
    t.ok(not wrong, "%d tampered and foreign cursors: 400 invalid_cursor"
         % len(bad), wrong[:5])
    t.eq(ca.get(CONV + "?limit=2&cursor=" + good + "&cursor=" + good).status
         in (400, 422), True, "the same argument twice")


def sql(t, s):
    """Even with SQL of our own, as the role that NGINX uses."""
    db = s.pg.connect()
    cur = db.cursor()
    cur.execute("SET ROLE pytake_app")
    seen = []
    for table in ("tenants", "users", "sessions", "contacts",
                  "contact_identities", "conversations", "messages",
                  "message_receipts", "outbox", "event_log",
                  "tenant_event_head", "idempotency_keys",
                  "whatsapp_configs", "audit_log", "webhook_errors"):
        cur.execute("SELECT count(*) FROM " + table)
        n = cur.fetchone()[0]
        if n:
            seen.append((table, n))
    t.eq(seen, [], "without a tenant entered SQL returns nothing")
    open_ = []
    cur.execute("SELECT c.relname FROM pg_inherits i JOIN pg_class c ON "
                "c.oid = i.inhrelid WHERE c.relkind = 'r'")
    parts = [r[0] for r in cur.fetchall()]
    for part in parts:
        try:
            cur.execute('SELECT 1 FROM "%s" LIMIT 1' % part)
            open_.append(part)
        except Exception:
            pass
    t.ok(len(parts) > 20 and not open_,
         "partitions cannot be read directly", (len(parts), open_[:5]))
    db.close()


tap.run(main)
