#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""schema/openapi.yaml is the API: every route is in it and nothing else, and
answers fit its schemas.  docs/permissions.md says who may what."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import openapi
import stack
import statements
import tap
import wa

API = "/api/v1"
READS = {"quick_reply_render"}  # a POST that changes nothing


def main(t):
    doc = openapi.Document()
    t.ok(doc.root["openapi"].startswith("3.1"), "OpenAPI 3.1")
    ops = list(doc.operations())
    there = {(o.method, re.sub(r"\{[^}]*\}", "{}", o.path)) for o in ops}
    routes = openapi.route_table()
    locations = {("GET", p) for p in openapi.conf_locations()}
    t.ok(len(routes) > 10, "the route table was read")
    t.eq(sorted(routes - there), [], "every route is in openapi.yaml")
    t.eq(sorted(locations - there), [],
         "every location of the module is in openapi.yaml")
    t.eq(sorted(there - routes - locations), [],
         "openapi.yaml has no route that is not served")
    perms = openapi.permissions()
    t.eq(subprocess.run([os.path.join(openapi.TOP, "tools", "gen_openapi"),
                         "--check"]).returncode, 0,
         "openapi.yaml is what the declarations make")
    t.eq([(o.node["operationId"], o.node.get("x-permission")) for o in ops
          if o.node.get("x-permission")
          != perms.get(o.node["operationId"])], [],
         "every operation has its permission in x-permission")
    t.eq([o.path for o in ops if o.node.get("x-permission")
          and o.node["x-permission"] != "session.own"
          and "403" not in o.node["responses"]], [],
         "who may lack it is told of 403")
    hot(t, doc)
    ids = [o.node.get("operationId") for o in ops]
    t.ok(None not in ids and len(set(ids)) == len(ids),
         "every operation has an id of its own", ids)

    may(t, perms)

    with stack.Stack() as s:
        served(t, s, ops)
        answers(t, s, doc, ops)
        s.check_logs(t)


def hot(t, doc):
    """Conversations and messages have writers of their own: what their
    statements declare is what the document shows, member by member."""
    found = statements.read()
    kinds = {"uuid": "uuid", "text": "string", "int4": "integer",
             "timestamptz": "date-time", "jsonb": "object",
             "text[]": "array"}

    def looks(schema):
        """Type or format, and whether it may be null."""
        s = doc.deref(schema)
        types = s.get("type", "string")
        types = types if isinstance(types, list) else [types]
        return (s.get("format", types[0]), "null" in types)

    for name, stmt in (("Conversation", "conv_get"),
                       ("Message", "msg_list")):
        schema = doc.root["components"]["schemas"][name]
        shown = {}
        for key, value in schema["properties"].items():
            inner = doc.deref(value).get("properties")
            if key == "contact":
                shown.update(("contact_" + k, looks(v))
                             for k, v in inner.items())
            else:
                shown[key] = looks(value)
        declared = {c["name"]: (kinds[c["type"]], c["nullable"])
                    for c in found[stmt].declared
                    if c["name"] != "activity_at"}
        t.eq(shown, declared, name + " shows what its statement declares")


def may(t, perms):
    """docs/permissions.md, held against the core's tables."""
    table = openapi.permission_table()
    page = openapi.permissions_page()
    known = openapi.ROLES[:-1]
    t.eq(page, {perm: {r: "yes" if r in roles else "no" for r in known}
                for perm, roles in table.items()},
         "docs/permissions.md has every permission, and who has it")
    t.eq(sorted(set(perms.values()) - set(page) - {None}), [],
         "... and every one that a route names")
    t.eq(sorted(set(page) - set(perms.values())), ["typing"],
         "... the hub alone asks for typing")
    t.eq(sorted(perm for perm, roles in table.items() if "other" in roles),
         ["session.own"], "a role that nobody knows has session.own alone")
    t.eq({perm for perm in page
          if page[perm]["owner"] != page[perm]["admin"]}, set(),
         "an owner and an admin may do the same")
    t.eq({perm for perm in page
          if page[perm]["admin"] != page[perm]["supervisor"]},
         {"settings.write"}, "... and a supervisor all but the settings")
    writes = {perms[op] for method, op in openapi.route_operations()
              if method != "GET" and op not in READS}
    t.eq({perm for perm in writes - {None}
          if page[perm]["viewer"] == "yes"}, {"session.own"},
         "a viewer changes nothing but the own session")
    t.eq(sorted(op for _, op in openapi.route_operations()
                if perms[op] is None),
         ["auth_login", "auth_refresh", "webhook_ingest", "webhook_verify"],
         "login, refresh and webhooks alone are public")


def served(t, s, ops):
    """Asked over HTTP: what is in the document is there, a verb that is not
    is refused."""
    c = s.login(s.tenants[0].agent)
    verbs = {}
    nobody = stack.uuid7()
    for o in ops:
        verbs.setdefault(o.target(lambda n: nobody), set()).add(o.method)
    for target, methods in verbs.items():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if method in ("PUT", "PATCH", "DELETE", "POST") \
                    and not target.startswith(API) and method not in methods:
                continue  # health and metrics: nginx's own matter
            if target.endswith("/logout") and method == "POST":
                continue
            r = c.request(method, target, body=b"{}" if method != "GET"
                          else None)
            known = r.code not in ("route_not_found", "method_not_allowed")
            if known != (method in methods):
                t.ok(False, "%s %s" % (method, target), r)
    t.ok(True, "every path was asked with every verb")


def answers(t, s, doc, ops):
    ten = s.add_tenant("Answers", roles=("owner",))
    owner = ten.users[0]
    c = s.login(owner)
    phone = wa.phone()
    s.say(ten, phone, "hi")
    conv = c.get(API + "/conversations").json["data"][0]
    c.post("%s/conversations/%s/messages" % (API, conv["id"]),
           {"content": "x"})
    contact = s.add_contact(ten)
    ids = {"/tags": c.post(API + "/tags", {"name": "VIP"}).json["id"],
           "/quick-replies": c.post(API + "/quick-replies", {
               "shortcut": "oi", "content": "Oi"}).json["id"]}

    def of(o):
        def mine(name):
            noun = next((ids[n] for n in ids if API + n in o.path), None)
            return (contact if "contact" in name
                    else owner.id if "user" in name
                    else noun if name == "id" and noun else conv["id"])
        return mine

    def fit(o, r, what):
        kind = r.headers.get("content-type", "")
        declared, schema = o.response(r.status, kind)
        name = "%s %s, %s: %d %s" % (o.method, o.path, what, r.status,
                                     kind.split(";")[0])
        if not t.ok(declared, name + " is declared", r):
            return
        if schema is not None and "json" in kind:
            e = doc.fits(schema, r.json)
            t.ok(e is None, name + " fits", e)

    # what takes something away last, and then what ends the session
    for o in sorted(ops, key=lambda o: (o.path.endswith("/logout"),
                                        o.method == "DELETE")):
        if "/webhooks/" in o.path:
            continue
        mine = of(o)
        target = o.target(mine)
        body = o.body(mine)
        if o.path.endswith("/login"):
            body = {"email": owner.email,
                    "password": owner.password}
        elif o.path.endswith("/refresh"):
            body = {"refresh_token": c.refresh_token}
        if not o.public:
            fit(o, c.request(o.method, target, json=body, auth=False),
                "no token")
        if o.body_schema() is not None:
            e = doc.fits(o.body_schema(), body)
            t.ok(e is None, "%s %s: our body fits its schema"
                 % (o.method, o.path), e)
            fit(o, c.request(o.method, target, json={"nonsense": 1}),
                "a faulty body")
            fit(o, c.request(o.method, target, body=b"{"), "no JSON")
        if o.params:
            fit(o, c.request(o.method, o.target(lambda n: stack.uuid7()),
                             json=body), "an unknown id")
        r = c.request(o.method, target, json=body)
        # a WebSocket's good answer is no HTTP body
        t.ok(r.status < 400 or target.endswith("/ws") and r.status == 426,
             "%s %s answers well" % (o.method, o.path), r)
        fit(o, r, "a good one")

    for o in ops:
        if "/webhooks/" not in o.path:
            continue
        if o.method == "GET":
            fit(o, c.get(o.path + "?hub.mode=subscribe&hub.challenge=1&"
                         "hub.verify_token=" + s.verify_token), "right")
            fit(o, c.get(o.path + "?hub.mode=subscribe&hub.challenge=1&"
                         "hub.verify_token=x"), "wrong")
        else:
            fit(o, s.hook(b"{}"), "signed")
            fit(o, s.hook(b"{}", sign=False), "not signed")
            fit(o, s.hook(b"{"), "no JSON")


tap.run(main)
