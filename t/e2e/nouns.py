#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Tags, quick replies and settings: lists, writes, preconditions, events, the
audit's entries, idempotency, and quick replies as a customer would read them.
"""

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
TAGS = API + "/tags"
REPLIES = API + "/quick-replies"
SETTINGS = API + "/settings"


def main(t):
    with stack.Stack(conf_edit=conf.log_all) as s:
        s.ten = s.add_tenant("Nouns", roles=("supervisor", "agent", "owner",
                                             "admin", "viewer"))
        s.other = s.add_tenant("Others", roles=("owner",))
        for part in (life, patches, preconditions, names, lists, apart,
                     together, crowd, replies, rendered, settings,
                     company, zones, settings_race):
            t.head(part.__name__)
            part(t, s)
        s.check_logs(t)
        s.check_private(t)


def lead(s):
    return s.login(s.ten.users[0])


def events(s, kind):
    """Frames of these events of the tenant, oldest first."""
    return [web.jsonlib.loads(r[0]) for r in s.sql(
        "SELECT frame FROM event_log WHERE tenant_id = %s AND event = %s "
        "ORDER BY seq", (s.ten.id, kind))]


def audit(s, object_id):
    return s.sql("SELECT action, user_id::text, detail FROM audit_log WHERE "
                 "tenant_id = %s AND object = %s ORDER BY action",
                 (s.ten.id, object_id))


def life(t, s):
    c = lead(s)
    r = c.post(TAGS, {"name": "VIP \u00e9", "color": "purple"})
    tag = r.json
    t.eq((r.status, tag["name"], tag["color"], tag["description"]),
         (201, "VIP \u00e9", "purple", None), "made")
    t.eq((r.headers["location"], r.headers["etag"]),
         ("%s/%s" % (TAGS, tag["id"]), '"1"'), "where it is, which it is")
    t.eq(c.get(r.headers["location"]).json, tag, "it can be got")

    e = events(s, "tag_created")[-1]
    t.eq((e["event"], e["conversation_id"], e["data"]),
         ("tag_created", None, dict(tag, changes=["name", "color"])),
         "an event tells the others")
    head = s.sql("SELECT seq, id::text FROM tenant_event_head WHERE "
                 "tenant_id = %s", (s.ten.id,))[0]
    t.eq((e["seq"], e["id"]), head, "... and is the head")

    r = c.patch(TAGS + "/" + tag["id"], {"color": None,
                                         "description": "x\ny"})
    t.eq((r.status, r.json["name"], r.json["color"], r.json["description"],
          r.headers["etag"]), (200, "VIP \u00e9", None, "x\ny", '"2"'),
         "null clears, absent keeps")
    t.eq(events(s, "tag_updated")[-1]["data"]["changes"],
         ["color", "description"], "the event says what changed")

    r = c.delete(TAGS + "/" + tag["id"])
    t.eq((r.status, r.body), (204, b""), "taken away")
    t.eq(events(s, "tag_deleted")[-1]["data"]["id"], tag["id"],
         "the others are told")
    t.eq(c.get(TAGS + "/" + tag["id"]).status, 404, "it is gone")
    t.eq(c.delete(TAGS + "/" + tag["id"]).status, 404, "twice is 404")
    me = s.ten.users[0].id
    t.eq(audit(s, tag["id"]), [
        ("tag.created", me, {"changes": ["name", "color"]}),
        ("tag.deleted", me, {"changes": []}),
        ("tag.updated", me, {"changes": ["color", "description"]})],
        "the audit has all of it")


def patches(t, s):
    c = lead(s)
    tag = c.post(TAGS, {"name": "patches"}).json
    before = len(events(s, "tag_updated"))
    r = c.patch(TAGS + "/" + tag["id"], {})
    t.eq((r.status, r.json, r.headers["etag"]), (200, tag, '"1"'),
         "nothing to change")
    t.eq(len(events(s, "tag_updated")), before, "is no event")
    r = c.patch(TAGS + "/" + tag["id"], {"name": None, "color": "mauve",
                                         "x": 1})
    t.eq((r.status, sorted((e["field"], e["code"]) for e in
                           r.json["errors"])),
         (422, [("color", "invalid"), ("name", "required"),
                ("x", "unknown")]), "every fault at once")


def preconditions(t, s):
    c = lead(s)
    r = c.post(TAGS, {"name": "guarded"})
    url, tag = r.headers["location"], r.headers["etag"]
    r = c.get(url, headers={"If-None-Match": tag})
    t.eq((r.status, r.body, r.headers["etag"]), (304, b"", tag),
         "nothing new")
    r = c.patch(url, {"color": "red"}, headers={"If-Match": tag})
    t.eq((r.status, r.headers["etag"]), (200, '"2"'), "If-Match of the last")
    r = c.patch(url, {"color": "blue"}, headers={"If-Match": tag})
    t.eq((r.status, r.code), (412, "precondition_failed"),
         "If-Match of an older one")
    t.eq(c.delete(url, headers={"If-Match": tag}).status, 412,
         "a delete as well")
    t.eq(c.get(url, headers={"If-None-Match": tag}).json["color"], "red",
         "it is as the first one left it")
    t.eq(c.delete(url, headers={"If-Match": '"2"'}).status, 204,
         "the right version goes")


def names(t, s):
    c = lead(s)
    c.post(TAGS, {"name": "Once"})
    other = c.post(TAGS, {"name": "twice"}).json
    for r in (c.post(TAGS, {"name": "ONCE"}),
              c.patch(TAGS + "/" + other["id"], {"name": "once"})):
        t.eq((r.status, r.json["errors"][0]["field"],
              r.json["errors"][0]["code"]), (422, "name", "taken"),
             "a name is there once, in any case")
    t.eq(c.patch(TAGS + "/" + other["id"], {"name": "TWICE"}).status, 200,
         "its own it may keep")
    for bad in ("", " \u3164", "a\nb", "x" * 101, 7, None):
        t.eq(c.post(TAGS, {"name": bad}).status, 422, repr(bad)[:20])


def lists(t, s):
    c = lead(s)
    made = [c.post(TAGS, {"name": "list %02d" % i}).json["id"]
            for i in range(5)]
    seen, cursor = [], None
    while True:
        r = c.get(TAGS + "?q=LIST&limit=2"
                  + ("&cursor=" + cursor if cursor else ""))
        seen += [x["id"] for x in r.json["data"]]
        cursor = r.json["next_cursor"]
        if cursor is None:
            break
    # those of one millisecond have no order of their own
    t.eq(seen, sorted(made, reverse=True), "pages of a filter, newest first")
    r = c.get(TAGS + "?q=list&limit=2")
    t.eq(c.get(TAGS + "?q=x&cursor=" + r.json["next_cursor"]).code,
         "invalid_cursor", "a cursor is its filter's")


def apart(t, s):
    mine = lead(s).post(TAGS, {"name": "mine"}).json["id"]
    them = s.login(s.other.users[0])
    t.eq([them.get(TAGS + "/" + mine).status,
          them.patch(TAGS + "/" + mine, {"name": "x"}).status,
          them.delete(TAGS + "/" + mine).status], [404] * 3,
         "another tenant's is 404")
    t.eq(them.get(TAGS).json["data"], [], "... and in no list")
    t.eq(them.post(TAGS, {"name": "mine"}).status, 201,
         "its name is free there")
    agent = s.login(s.ten.users[1])
    t.eq([agent.get(TAGS + "/" + mine).status,
          agent.post(TAGS, {"name": "x"}).code,
          agent.patch(TAGS + "/" + stack.uuid7(), {"name": "x"}).code],
         [200, "forbidden", "forbidden"], "an agent reads")


def together(t, s):
    """100 posts with one key: one row, one event, 100 equal answers."""
    key = {"Idempotency-Key": stack.uuid7()}
    before = len(events(s, "tag_created"))
    token = lead(s)
    rs = web.fan(range(100), 20, lambda i: token.post(
        TAGS, {"name": "together"}, headers=key))
    t.eq({r.status for r in rs}, {201}, "all are answered")
    t.eq(len({(r.body, r.headers.get("etag"), r.headers.get("location"))
              for r in rs}), 1, "with the same, its ETag and Location, too")
    t.eq(len(events(s, "tag_created")), before + 1, "one event")
    t.eq(sum(r.headers.get("idempotent-replayed") == "true" for r in rs), 99,
         "all but one say that it is a repetition")
    r = token.post(TAGS, {"name": "other"}, headers=key)
    t.eq((r.status, r.code), (422, "idempotency_mismatch"), "another body")


def crowd(t, s):
    """Of 20 at once that take one name, one has it."""
    token = lead(s)
    rs = web.fan(range(20), 10, lambda i: token.post(
        TAGS, {"name": "crowd"}).status)
    t.eq((rs.count(201), rs.count(422)), (1, 19), "one has the name")
    url = token.post(TAGS, {"name": "race"}).headers["location"]
    rs = web.fan(range(20), 10, lambda i: token.patch(
        url, {"description": str(i)}, headers={"If-Match": '"1"'}).status)
    t.eq((rs.count(200), rs.count(412)), (1, 19), "one changes version 1")


def replies(t, s):
    c = lead(s)
    team = stack.uuid7()
    r = c.post(REPLIES, {"shortcut": "oi", "content": "Oi", "team_ids": [team],
                         "buttons": [{"id": "1", "title": "Sim"}]})
    t.eq((r.status, r.json["attachments"], r.json["buttons"],
          r.json["team_ids"]),
         (201, [], [{"id": "1", "title": "Sim"}], [team]), "made")
    t.eq(c.get(r.headers["location"]).json, r.json, "it can be got")
    t.eq(events(s, "quick_reply_created")[-1]["data"]["buttons"],
         r.json["buttons"], "its event has all of it")
    r = c.patch(r.headers["location"], {"buttons": [], "content": "Ol\u00e1"})
    t.eq((r.json["buttons"], r.json["content"], r.json["team_ids"]),
         ([], "Ol\u00e1", [team]), "changed")
    r = c.post(REPLIES, {"shortcut": "x", "buttons": [{"id": ""}, 1],
                         "attachments": ["y"]})
    t.eq(sorted((e["field"], e["code"]) for e in r.json["errors"]),
         [("attachments[0]", "invalid"), ("buttons[0].id", "required"),
          ("buttons[0].title", "required"), ("buttons[1]", "type"),
          ("content", "required")], "every fault by its path")
    agent = s.login(s.ten.users[1])
    t.eq([x["shortcut"] for x in agent.get(REPLIES + "?q=O").json["data"]],
         ["oi"], "an agent finds it by its beginning")


def rendered(t, s):
    c = lead(s)
    phone = wa.phone()
    s.say(s.ten, phone, "hi")
    conv = c.get(API + "/conversations").json["data"][0]
    r = c.post(REPLIES, {
        "shortcut": "full", "content": "{{contact.name}} {{contact.phone}} "
        "{{ agent.name }} {{company.name}} {{nothing}}"})
    url = r.headers["location"] + "/render"
    agent = s.login(s.ten.users[1])
    r = agent.post(url, {"conversation_id": conv["id"]})
    t.eq((r.status, r.json), (200, {"content": "%s +%s %s Nouns "
                                    "{{nothing}}" % (
                                        conv["contact"]["name"], phone,
                                        s.ten.users[1].name)}),
         "its variables are filled")
    theirs = s.login(s.other.users[0])
    t.eq(theirs.post(url, {"conversation_id": conv["id"]}).status, 404,
         "not for another tenant")
    t.eq(agent.post(url, {"conversation_id": stack.uuid7()}).json["errors"][0]
         ["code"], "not_found", "of a conversation that is there")


def owner(s):
    return s.login(s.ten.users[2])


def settings(t, s):
    """One thing without an id: got, changed, and nobody else's."""
    c = owner(s)
    r = c.get(SETTINGS)
    t.eq((r.status, sorted(r.json), r.json["name"], r.json["locale"],
          r.json["time_zone"], r.headers["etag"]),
         (200, ["locale", "name", "time_zone", "updated_at"], "Nouns", None,
          None, '"1"'), "as a tenant begins")
    t.eq([s.login(u).get(SETTINGS).json for u in s.ten.users],
         [r.json] * 5, "every role reads them")
    t.eq(c.get(SETTINGS, headers={"If-None-Match": '"1"'}).status, 304,
         "nothing new")
    t.eq(c.get(SETTINGS + "?id=1").json["errors"][0]["code"], "unknown",
         "an argument is a fault")

    change = {"locale": "pt-BR", "time_zone": "America/Sao_Paulo"}
    r = c.patch(SETTINGS, change, headers={"If-Match": '"1"'})
    t.eq((r.status, r.json["name"], r.json["locale"], r.json["time_zone"],
          r.headers["etag"]),
         (200, "Nouns", "pt-BR", "America/Sao_Paulo", '"2"'), "changed")
    t.eq(c.get(SETTINGS).json, r.json, "it is as it was answered")
    e = events(s, "settings_updated")[-1]
    t.eq((e["event"], e["conversation_id"], e["data"]),
         ("settings_updated", None, dict(r.json, changes=sorted(change))),
         "an event tells the others")
    t.eq(audit(s, s.ten.id), [("settings.updated", s.ten.users[2].id,
                               {"changes": sorted(change)})],
         "the audit has it, by the tenant's id")
    t.eq(c.patch(SETTINGS, {"locale": "en"},
                 headers={"If-Match": '"1"'}).code, "precondition_failed",
         "If-Match of an older one")
    before = len(events(s, "settings_updated"))
    t.eq(c.patch(SETTINGS, {}).headers["etag"], '"2"', "nothing to change")
    t.eq(len(events(s, "settings_updated")), before, "is no event")
    r = s.login(s.ten.users[3]).patch(SETTINGS, {"locale": None})
    t.eq((r.status, r.json["locale"], r.json["time_zone"]),
         (200, None, "America/Sao_Paulo"),
         "an admin may, null clears, absent keeps")
    for i in (0, 1, 4):
        r = s.login(s.ten.users[i]).patch(SETTINGS, {"name": None})
        t.eq((r.status, r.code, "settings.write" in r.json["detail"]),
             (403, "forbidden", True), "not a " + s.ten.users[i].role)
    r = c.patch(SETTINGS, {"name": " ", "locale": "pt", "time_zone": "",
                           "status": "suspended", "id": s.other.id})
    t.eq((r.status, sorted((e["field"], e["code"]) for e in
                           r.json["errors"])),
         (422, [("id", "unknown"), ("locale", "invalid"),
                ("name", "required"), ("status", "unknown"),
                ("time_zone", "required")]), "every fault at once")
    t.eq([c.post(SETTINGS, {}).code, c.delete(SETTINGS).code,
          c.get(SETTINGS + "/" + s.ten.id).code],
         ["method_not_allowed", "method_not_allowed", "route_not_found"],
         "there is nothing to make, to take away or to look for")
    t.eq(s.login(s.other.users[0]).get(SETTINGS).json["name"], "Others",
         "another tenant has its own")
    t.eq(s.sql("SELECT locale, time_zone, version FROM tenants WHERE id = %s",
               (s.other.id,)), [(None, None, 1)], "... as it was")


def company(t, s):
    """The name: the company's for customers, no other tenant's, and the
    operator's command changes the same thing."""
    c = owner(s)
    for name in ("Others", " others ", "OTHERS\u00a0"):
        r = c.patch(SETTINGS, {"name": name, "locale": "en"})
        t.eq((r.status, [(e["field"], e["code"]) for e in r.json["errors"]]),
             (422, [("name", "taken")]), "another tenant's name: %r" % name)
    t.eq(c.get(SETTINGS).json["locale"], None, "nothing of it was done")
    r = c.patch(SETTINGS, {"name": "  Nouns & S\u00f3s "})
    t.eq((r.status, r.json["name"]), (200, "Nouns & S\u00f3s"),
         "a new name, without blanks around it")
    phone = wa.phone()
    s.say(s.ten, phone, "hi")
    conv = c.get(API + "/conversations").json["data"][0]
    reply = lead(s).post(REPLIES, {"shortcut": "company",
                                   "content": "{{company.name}}"})
    t.eq(c.post(reply.headers["location"] + "/render",
                {"conversation_id": conv["id"]}).json["content"],
         "Nouns & S\u00f3s", "quick replies say it")
    t.eq(s.login(s.other.users[0]).patch(
        SETTINGS, {"name": "nouns & s\u00f3s"}).json["errors"][0]["code"],
         "taken", "nobody else gets it")

    tag = c.get(SETTINGS).headers["etag"]
    s.pytake("tenant", "rename", "--tenant", s.ten.id, "--name", "Nouns")
    r = c.patch(SETTINGS, {"locale": "en"}, headers={"If-Match": tag})
    t.eq(r.status, 412, "the operator's command makes another version")
    t.eq(c.get(SETTINGS, headers={"If-None-Match": tag}).json["name"],
         "Nouns", "... which is read")

    # tenants of before that are called the same
    s.sql("ALTER TABLE tenants DISABLE TRIGGER tenant_name_check")
    s.sql("UPDATE tenants SET name = 'Nouns' WHERE id = %s", (s.other.id,))
    s.sql("ALTER TABLE tenants ENABLE TRIGGER tenant_name_check")
    t.eq([c.patch(SETTINGS, {"locale": "en"}).status,
          c.patch(SETTINGS, {"name": "Nouns", "locale": None}).status,
          c.patch(SETTINGS, {"name": "NOUNS"}).status], [200, 200, 422],
         "a twin of before keeps its name, and changes the rest")
    s.sql("UPDATE tenants SET name = 'Others' WHERE id = %s", (s.other.id,))


def zones(t, s):
    c = owner(s)
    for good in ("UTC", "Etc/GMT+3", "America/Argentina/Buenos_Aires",
                 "Asia/Kolkata"):
        t.eq(c.patch(SETTINGS, {"time_zone": good}).json.get("time_zone"),
             good, good)
    for bad in ("Nope/Nope", "america/sao_paulo", "BRT", "UTC+3", "<x>3",
                "America/Nowhere3", "posix/Etc/UTC", "localtime",
                "../../../etc/passwd", "UTC ", "Europe", "-03:00"):
        r = c.patch(SETTINGS, {"time_zone": bad})
        t.eq((r.status, [(e["field"], e["code"]) for e in r.json["errors"]]),
             (422, [("time_zone", "invalid")]), "not %r" % bad)
    t.eq(c.patch(SETTINGS, {"time_zone": "x" * 65}).json["errors"][0]["code"],
         "too_long", "nor a long one")
    t.eq(c.get(SETTINGS).json["time_zone"], "Asia/Kolkata",
         "the last good one stays")
    t.eq(c.patch(SETTINGS, {"time_zone": None}).json["time_zone"], None,
         "none")


def settings_race(t, s):
    """Of 20 at once that change one version, one does."""
    c = owner(s)
    tag = c.get(SETTINGS).headers["etag"]
    rs = web.fan(range(20), 10, lambda i: c.patch(
        SETTINGS, {"locale": "en"}, headers={"If-Match": tag}).status)
    t.eq((rs.count(200), rs.count(412)), (1, 19), "one changes it")
    them = s.login(s.other.users[0])
    rs = web.fan(range(20), 10, lambda i: (c, them)[i % 2].patch(
        SETTINGS, {"name": "Contested"}).status)
    t.eq((sorted(set(rs)), s.one("SELECT count(*) FROM tenants WHERE name = "
                                 "'Contested'")), ([200, 422], 1),
         "one of two tenants has a name")


tap.run(main)
