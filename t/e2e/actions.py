#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""What is done to a conversation (read, assign, close, reopen) with its
events; people and numbers; lists of several statuses; a browser's session."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import conf
import stack
import tap
import wa
import web

API = "/api/v1"
CONV = API + "/conversations"
BROWSER = {"X-Pytake-Browser": "1"}


def main(t):
    with stack.Stack(conf_edit=conf.log_all) as s:
        s.ten = s.add_tenant("Actions", roles=("owner", "agent", "viewer"))
        s.owner, s.agent, s.viewer = s.ten.users
        for part in (changes, assign, reopen, together, lists, directory,
                     viewer, browser, tls, tabs):
            t.head(part.__name__)
            part(t, s)
        s.check_logs(t)
        s.check_private(t)


def fresh(s, text="oi"):
    """A conversation that a customer just began."""
    ten, phone = s.ten, wa.phone()
    s.say(ten, phone, text)
    row = s.sql("SELECT c.id FROM conversations c JOIN contacts k ON "
                "k.tenant_id = c.tenant_id AND k.id = c.contact_id WHERE "
                "c.tenant_id = %s AND k.phone = %s AND c.status <> 'closed'",
                (ten.id, "+" + phone))
    return str(row[0][0]), phone


def events(s, conversation):
    """Events of a conversation: name and data, oldest first."""
    rows = s.sql("SELECT frame FROM event_log WHERE conversation_id = %s "
                 "ORDER BY seq", (conversation,))
    return [web.jsonlib.loads(r[0]) for r in rows]


def changes(t, s):
    c = s.login(s.agent)
    conv, _ = fresh(s)
    before = len(events(s, conv))

    r = c.post("%s/%s/read" % (CONV, conv), {})
    t.eq((r.status, r.json["unread_count"]), (200, 0), "read")
    r = c.post("%s/%s/read" % (CONV, conv), {})
    t.eq(r.status, 200, "read twice")
    new = events(s, conv)[before:]
    t.eq([(e["event"], e["data"].get("changes")) for e in new],
         [("conversation_updated", ["unread_count"])], "one event")
    got = c.get("%s/%s" % (CONV, conv)).json
    t.eq({k: v for k, v in new[0]["data"].items() if k != "changes"}, got,
         "its data is what REST shows")

    r = c.post("%s/%s/close" % (CONV, conv))
    t.eq((r.status, r.json["status"]), (200, "closed"), "close")
    t.eq(c.post("%s/%s/close" % (CONV, conv)).status, 200, "close twice")
    new = events(s, conv)[before + 1:]
    t.eq([(e["event"], e["data"]["by_user_id"]) for e in new],
         [("conversation_closed", s.agent.id)],
         "one event, and who it was")

    other = s.login(s.tenants[0].agent)
    for verb in ("read", "close", "reopen"):
        t.eq(other.post("%s/%s/%s" % (CONV, conv, verb)).code, "not_found",
             "another tenant's: " + verb)


def assign(t, s):
    c = s.login(s.agent)
    conv, _ = fresh(s)
    before = len(events(s, conv))

    def give(user):
        return c.post("%s/%s/assign" % (CONV, conv), {"user_id": user})

    r = give(s.owner.id)
    t.eq((r.status, r.json["assigned_to"]), (200, s.owner.id), "assign")
    t.eq(give(s.owner.id).status, 200, "the same again")
    t.eq(give(s.agent.id).json["assigned_to"], s.agent.id, "to another")
    t.eq(give(None).json["assigned_to"], None, "to nobody")
    t.eq([(e["event"], e["data"]["user_id"], e["data"]["previous_user_id"],
           e["data"]["by_user_id"], e["data"]["conversation_id"])
          for e in events(s, conv)[before:]],
         [("agent_assigned", s.owner.id, None, s.agent.id, conv),
          ("agent_assigned", s.agent.id, s.owner.id, s.agent.id, conv),
          ("agent_assigned", None, s.agent.id, s.agent.id, conv)],
         "an event a change, with who it was before")

    for what, user in (("another tenant's", s.tenants[0].agent.id),
                       ("nobody's", stack.uuid7()),
                       ("a viewer", s.viewer.id)):
        r = give(user)
        t.eq((r.status, r.json["errors"][0]["code"]), (422, "not_found"),
             what + " cannot be given it")
    r = c.post("%s/%s/assign" % (CONV, conv), {})
    t.eq((r.status, r.json["errors"][0]["code"]), (422, "required"),
         "user_id is required")


def reopen(t, s):
    c = s.login(s.agent)
    conv, phone = fresh(s)
    c.post("%s/%s/close" % (CONV, conv))

    r = c.post("%s/%s/reopen" % (CONV, conv))
    t.eq((r.status, r.json["status"]), (200, "active"), "reopen")
    t.eq(events(s, conv)[-1]["data"]["changes"], ["status"], "its event")

    c.post("%s/%s/close" % (CONV, conv))
    s.say(s.ten, phone, "de novo")
    r = c.post("%s/%s/reopen" % (CONV, conv))
    t.eq((r.status, r.code), (409, "conversation_open"),
         "not beside another open one")
    t.eq(c.get("%s/%s" % (CONV, conv)).json["status"], "closed",
         "and nothing changed")


def together(t, s):
    """Twenty close and twenty give at once: one event each that happened."""
    clients = [s.login(u) for u in (s.agent, s.owner)]
    conv, _ = fresh(s)
    before = len(events(s, conv))
    rs = web.parallel(20, lambda i: clients[i % 2].post(
        "%s/%s/close" % (CONV, conv)))
    t.eq({r.status for r in rs}, {200}, "all are answered")
    t.eq([e["event"] for e in events(s, conv)[before:]],
         ["conversation_closed"], "one of twenty closed it")


def lists(t, s):
    c = s.login(s.agent)
    conv, _ = fresh(s)
    c.post("%s/%s/assign" % (CONV, conv),
           {"user_id": s.agent.id})
    shut, _ = fresh(s)
    c.post("%s/%s/close" % (CONV, shut))

    def ids(query):
        return [x["id"] for x in c.get(CONV + "?limit=100&" + query)
                .json["data"]]

    open_ = ids("status=active,pending,snoozed")
    t.ok(conv in open_ and shut not in open_, "several statuses")
    t.eq(sorted(ids("status=closed,active,pending,snoozed")),
         sorted(ids("")), "all of them are all")
    t.eq(ids("assigned_to=me&status=active,pending"), [conv], "mine")
    a = c.get(CONV + "?limit=1&status=active,closed").json["next_cursor"]
    r = c.get(CONV + "?limit=1&status=closed,active&cursor=" + a)
    t.eq(r.status, 200, "a cursor goes with the filter, in any order")
    seen, cursor = [], ""
    while cursor is not None:
        page = c.get(CONV + "?limit=2&status=active,pending,snoozed"
                     + (cursor and "&cursor=" + cursor)).json
        seen += [x["id"] for x in page["data"]]
        cursor = page["next_cursor"]
    t.eq(seen, open_, "pages of several statuses neither lose nor repeat")
    for bad in ("status=active,", "status=,", "status=active,nonsense"):
        t.eq(c.get(CONV + "?" + bad).status, 422, bad)


def directory(t, s):
    c = s.login(s.viewer)
    r = c.get(API + "/users?limit=100")
    t.eq({u["id"] for u in r.json["data"]}, {u.id for u in s.ten.users},
         "the tenant's people, and nobody else's")
    t.eq(sorted(r.json["data"][0]), ["active", "id", "name", "role"],
         "by name and role alone")
    first = c.get(API + "/users?limit=2").json
    second = c.get(API + "/users?limit=100&cursor="
                   + first["next_cursor"]).json
    t.eq([u["id"] for u in first["data"] + second["data"]],
         [u["id"] for u in r.json["data"]], "pages")
    r = c.get(API + "/whatsapp-configs")
    t.eq([n["phone_number_id"] for n in r.json["data"]],
         [s.ten.number], "its numbers")
    t.ok("token" not in r.body.decode(), "without a token", r)


def viewer(t, s):
    c = s.login(s.viewer)
    conv, _ = fresh(s)
    for verb in ("read", "assign", "close", "reopen"):
        r = c.post("%s/%s/%s" % (CONV, conv, verb), {"user_id": None})
        t.eq((r.status, r.code), (403, "forbidden"), "a viewer: " + verb)


def cookie_of(r):
    return r.headers.get("set-cookie", "")


def browser(t, s):
    user = s.agent
    c = s.client()

    def post(path, body, cookie=None, headers=BROWSER):
        return c.request("POST", API + path, json=body, headers=dict(
            headers, **({"Cookie": cookie} if cookie else {})))

    r = post("/auth/login", {"email": user.email, "password": user.password})
    whole = cookie_of(r)
    cookie = whole.split(";")[0]
    t.eq((r.status, r.json["refresh_token"]), (200, None),
         "no refresh token in the body")
    t.ok(cookie.startswith("pytake_refresh=rt_") and "HttpOnly" in whole
         and "SameSite=Strict" in whole and "Path=/api/v1/auth" in whole
         and "Secure" not in whole, "but in a cookie that no script reads",
         whole)

    t.eq(post("/auth/refresh", {}, cookie, headers={}).status, 422,
         "without the header the cookie is nothing")
    t.eq(post("/auth/refresh", {}).code, "refresh_invalid", "no cookie")
    t.eq(post("/auth/refresh", {}, "x=1").code, "refresh_invalid",
         "another cookie")
    r = post("/auth/refresh", {}, "a=b; " + cookie + "; c=d")
    next_ = cookie_of(r).split(";")[0]
    t.eq((r.status, r.json["refresh_token"], r.json["user"]["id"]),
         (200, None, user.id), "refresh by the cookie")
    t.ok(next_ != cookie and next_.startswith("pytake_refresh=rt_"),
         "the cookie rotates", cookie_of(r))
    t.eq(cookie_of(post("/auth/refresh", {}, cookie)).split(";")[0], next_,
         "within the grace the same successor")

    c.token = r.json["access_token"]
    r = post("/auth/logout", None, next_,
             dict(BROWSER, Authorization="Bearer " + c.token))
    t.eq((r.status, "Max-Age=0" in cookie_of(r)), (204, True),
         "logout: the browser forgets it")
    r = post("/auth/refresh", {}, next_)
    t.eq((r.status, "Max-Age=0" in cookie_of(r)), (401, True),
         "and it is worth nothing")

    plain = s.client().post(API + "/auth/login", {
        "email": user.email, "password": user.password})
    t.ok(plain.json["refresh_token"] and not cookie_of(plain),
         "others get it in the body, as before")


def tls(t, s):
    """Behind TLS the cookie is one that no other host can set; a session that
    began with the plain name goes on."""
    user = s.agent
    c = s.client()

    def post(path, cookie, body=None, proto="https", **more):
        return c.request("POST", API + path, json=body, headers=dict(
            BROWSER, Cookie=cookie, **{"X-Forwarded-Proto": proto}, **more))

    def login(cookie, proto="https"):
        return post("/auth/login", cookie, {"email": user.email,
                    "password": user.password}, proto)

    def value(cookie):
        return cookie.split(";")[0].partition("=")[2]

    def attributes(cookie):
        return set(cookie.split("; ")[1:]) - {"HttpOnly", "SameSite=Strict"}

    forget = {"Path=/api/v1/auth", "Max-Age=0", "Secure"}
    r = login("a=b")
    age = next(x for x in attributes(cookie_of(r)) if "Max-Age" in x)
    t.ok(r.status == 200 and len(r.cookies) == 1
         and r.cookies[0].startswith("__Host-pytake_refresh=rt_"),
         "its name says that it is this host's", r.cookies)
    t.eq(attributes(r.cookies[0]), {"Path=/", age, "Secure"},
         "... as browsers ask for it")
    host = r.cookies[0].split(";")[0]

    r = post("/auth/refresh", "a=b; pytake_refresh=rt_tossed; " + host, {})
    t.eq((r.status, len(r.cookies)), (200, 2),
         "a plain one beside it is nothing")
    t.eq((value(r.cookies[1]), attributes(r.cookies[1])), ("", forget),
         "... and is forgotten")
    host = r.cookies[0].split(";")[0]
    for bad in ("x" + host, host.replace("=", "x="), host.lower(),
                "__Host-pytake_refresh=; a=b"):
        t.eq(post("/auth/refresh", bad, {}).status, 401,
             "not its name: " + bad.split("=")[0])
    t.eq(post("/auth/refresh", host, {}, "http").status, 401,
         "no browser sends it without TLS")

    r = login("a=b", "http")
    old = cookie_of(r).split(";")[0]
    t.ok(old.startswith("pytake_refresh=rt_"), "one of before", r.cookies)
    r = post("/auth/refresh", old, {})
    t.eq((r.status, [x.partition("=")[0] for x in r.cookies],
          attributes(r.cookies[-1])),
         (200, ["__Host-pytake_refresh", "pytake_refresh"], forget),
         "... goes on under the new name")
    t.eq(value(cookie_of(post("/auth/refresh", old, {}, "http"))),
         value(r.cookies[0]), "... also in a tab that renews at once")
    host = r.cookies[0].split(";")[0]
    r = post("/auth/refresh", host, {})
    t.eq((r.status, len(r.cookies)), (200, 1), "... and then has only that")
    host = r.cookies[0].split(";")[0]

    c.token = r.json["access_token"]
    r = post("/auth/logout", host + "; " + old, Authorization="Bearer "
             + c.token)
    t.eq((r.status, [(x.split("=")[0], value(x), "Max-Age=0" in x)
                     for x in r.cookies]),
         (204, [("__Host-pytake_refresh", "", True),
                ("pytake_refresh", "", True)]), "logout forgets both")
    r = post("/auth/refresh", host, {})
    t.eq((r.status, [attributes(x) for x in r.cookies]),
         (401, [{"Path=/", "Max-Age=0", "Secure"}]), "it is worth nothing")


def tabs(t, s):
    """Eight tabs renew at once: all go on."""
    user = s.agent
    r = s.client().request("POST", API + "/auth/login", headers=BROWSER,
                           json={"email": user.email,
                                 "password": user.password})
    cookie = cookie_of(r).split(";")[0]
    rs = web.parallel(8, lambda i: s.client().request(
        "POST", API + "/auth/refresh", json={},
        headers=dict(BROWSER, Cookie=cookie)))
    t.eq({r.status for r in rs}, {200}, "all are answered")
    t.eq(len({cookie_of(r).split(";")[0] for r in rs}), 1,
         "with one and the same cookie")
    for r in rs:
        me = s.client(r.json["access_token"]).get(API + "/auth/me")
        t.eq(me.status, 200, "and every tab's token is good")


tap.run(main)
