#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Every operation refuses with every code that openapi.yaml lists for it and
that one request can provoke; codes that take a history are met elsewhere, as
the whole run's last test says (t/lib/contract.py)."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import contract
import openapi
import stack
import tap
import wa
import web

API = "/api/v1"
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket",
           "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
# Of a story: rest.py, create.py, actions.py and login_flood.py tell them.
ELSEWHERE = {"too_many_attempts", "refresh_reused", "conversation_open",
             "whatsapp_config_required"}
# Without a hub: websocket.py and 07-websocket.t tell it.
OFF = {"ws_admit 404 not_found", "ws_admit 404 route_not_found"}


class World:
    """A tenant with one thing of each kind, and good requests."""

    def __init__(self, s):
        self.s = s
        self.ten = s.add_tenant("Contract", roles=("owner",))
        self.owner = self.ten.users[0]
        self.login = s.login(self.owner)
        self.token = self.login.token
        s.say(self.ten, wa.phone(), "hi")
        self.conv = self.login.get(API + "/conversations").json["data"][0][
            "id"]
        self.contact = s.add_contact(self.ten)
        self.nouns = {
            API + "/tags": self.login.post(API + "/tags",
                                           {"name": "a"}).id,
            API + "/quick-replies": self.login.post(
                API + "/quick-replies",
                {"shortcut": "a", "content": "a"}).id}
        self.made = 0

    def id(self, op):
        def of(name):
            noun = next((v for k, v in self.nouns.items()
                         if op.path.startswith(k)), None)
            return (self.contact if "contact" in name
                    else self.owner.id if "user" in name
                    else noun if name == "id" and noun else self.conv)
        return of

    def good(self, op):
        """Target, headers and body of a request that would do well."""
        name = op.node["operationId"]
        body = op.body(self.id(op))
        headers = {} if op.public else {"Authorization":
                                        "Bearer " + self.token}
        target = op.target(self.id(op))
        if name == "auth_login":
            body = {"email": self.owner.email,
                    "password": self.owner.password}
        elif name == "auth_refresh":
            body = {"refresh_token": self.login.refresh_token}
        elif name == "webhook_verify":
            target += ("?hub.mode=subscribe&hub.challenge=1&"
                       "hub.verify_token=" + self.s.verify_token)
        elif name == "ws_admit":
            headers.update(UPGRADE, Authorization="Bearer " + self.token)
        elif name.endswith("_create") and API + "/contacts" not in op.path:
            self.made += 1
            body = {k: v + str(self.made) if k in ("name", "shortcut") else v
                    for k, v in body.items()}
        if name == "webhook_ingest":
            body = b"{}"
            headers["X-Hub-Signature-256"] = wa.sign(self.s.app_secret, body)
        if body is not None:
            headers["Content-Type"] = "application/json"
            if not isinstance(body, bytes):
                body = wa.dump(body)
        return target, headers, body

    def signed(self, op, headers, body):
        if op.node["operationId"] == "webhook_ingest":
            headers["X-Hub-Signature-256"] = wa.sign(self.s.app_secret, body)
        return headers


def ask(w, op, target, headers, body, extra=b""):
    """extra: header lines as they are."""
    conn = web.Conn(w.s.port)
    raw = web.request_bytes(op.method, target, headers, body)
    line, rest = raw.split(b"\r\n", 1)
    try:
        conn.send(line + b"\r\n" + extra + rest)
        return conn.read(op.method)
    finally:
        conn.close()


def doubled(op, target, headers, body):
    name = "X-Hub-Signature-256" if "X-Hub-Signature-256" in headers \
        else "Idempotency-Key"
    return ("%s: a\r\n%s: a\r\n" % (name, name)).encode()


def with_key(w, op, target, headers, body, key):
    return ask(w, op, target, {**headers, "Idempotency-Key": key}, body)


def mismatch(w, op):
    target, headers, body = w.good(op)
    with_key(w, op, target, headers, body, "mismatch")
    return with_key(w, op, target, headers, body + b" ", "mismatch")


def in_progress(w, op):
    """Its twin never ends: the lock is held for it."""
    target, headers, body = w.good(op)
    with_key(w, op, target, headers, body, "first")
    with w.s.pg.connect() as db:
        db.autocommit = False
        db.cursor().execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s || ' ' || "
            "scope || ' held', 7305810)) FROM idempotency_keys WHERE "
            "tenant_id = %s AND key = 'first' ORDER BY created_at DESC "
            "LIMIT 1", (w.ten.id, w.ten.id))
        r = with_key(w, op, target, headers, body, "held")
        db.rollback()
    return r


def bearer(token):
    def change(w, op, target, headers, body):
        return target, {**headers, "Authorization": "Bearer " + token(w)}, \
            body, b""
    return change


def forbidden(w, op, target, headers, body):
    if op.path.startswith(API):
        token = w.s.token(w.owner, role="nobody")
        return target, {**headers, "Authorization": "Bearer " + token}, \
            body, b""
    return target, {**headers, "X-Forwarded-For": "192.0.2.1"}, body, b""


def invalid(w, op, target, headers, body):
    if body is not None:
        return target, headers, b'{"nonsense":1}', b""
    return target + "?nonsense=1", headers, body, b""


# What makes of a good request one that is refused with that code.
CHANGES = {
    "bad_request": lambda w, op, t, h, b: (t, h, b, b"X\0Y: 1\r\n"),
    "duplicate_header": lambda w, op, t, h, b: (t, h, b,
                                                doubled(op, t, h, b)),
    "invalid_json": lambda w, op, t, h, b: (t, w.signed(op, h, b"{"), b"{",
                                            b""),
    "invalid_cursor": lambda w, op, t, h, b: (t + "?cursor=x", h, b, b""),
    "invalid_idempotency_key": lambda w, op, t, h, b: (
        t, {**h, "Idempotency-Key": "k" * 256}, b, b""),
    "unauthorized": lambda w, op, t, h, b: (
        t, {**h, "Authorization": "Basic eDp5"}, b, b""),
    "invalid_token": bearer(lambda w: "x"),
    "token_expired": bearer(lambda w: w.s.token(w.owner, lifetime=-120)),
    "session_revoked": bearer(lambda w: w.s.token(w.owner,
                                                  sid=stack.uuid7())),
    "forbidden": forbidden,
    "not_found": lambda w, op, t, h, b: (
        op.target(lambda n: stack.uuid7()), h, b, b""),
    "route_not_found": lambda w, op, t, h, b: (op.target(lambda n: "x"), h,
                                               b, b""),
    "body_too_large": lambda w, op, t, h, b: (
        t, {**h, "Content-Length": "99999999"}, None, b""),
    "unsupported_media_type": lambda w, op, t, h, b: (
        t, {**h, "Content-Type": "text/plain"}, b, b""),
    "validation_failed": invalid,
    "precondition_failed": lambda w, op, t, h, b: (
        t, {**h, "If-Match": '"999999"'}, b, b""),
    "invalid_credentials": lambda w, op, t, h, b: (
        t, h, wa.dump({"email": "nobody@example.test", "password": "x"}),
        b""),
    "refresh_invalid": lambda w, op, t, h, b: (
        t, h, b'{"refresh_token":"x"}', b""),
    "invalid_signature": lambda w, op, t, h, b: (
        t, {**h, "X-Hub-Signature-256": "sha256=00"}, b, b""),
    "verify_token_mismatch": lambda w, op, t, h, b: (t + "x", h, b, b""),
    "upgrade_required": lambda w, op, t, h, b: (
        t, {**h, "Upgrade": None}, b, b""),
}
WAYS = {"idempotency_mismatch": mismatch,
        "idempotency_in_progress": in_progress}


def main(t):
    doc = openapi.Document()
    with stack.Stack(pg_proxy=True) as s:
        w = World(s)
        ops = list(doc.operations())
        for op in ops:
            refused(t, w, op)
            if "304" in op.node["responses"]:
                unchanged(t, w, op)
        nginx(t, w, next(o for o in ops
                         if o.node["operationId"] == "tag_list"))
        away(t, w, ops)
        later = ELSEWHERE | contract.ANYWHERE
        t.eq([x for x in contract.missing(doc, contract.contract().met)
              if x.split()[-1] not in later and x not in OFF], [],
             "nothing is listed that was not met")
        s.check_logs(t)


def refused(t, w, op):
    """All of them but those that a fault of the database makes."""
    bad = []
    for status, codes in op.codes().items():
        for code in codes if status != "default" else ():
            if code in WAYS:
                r = WAYS[code](w, op)
            elif code in CHANGES and (status != "404" or op.params):
                r = ask(w, op, *CHANGES[code](w, op, *w.good(op)))
            else:
                continue
            if (str(r.status), r.code) != (status, code):
                bad.append((code, r))
    t.ok(not bad, op.node["operationId"] + " refuses as it is written", bad)


def unchanged(t, w, op):
    target, headers, body = w.good(op)
    tag = ask(w, op, target, headers, body).headers["etag"]
    t.eq(ask(w, op, target, {**headers, "If-None-Match": tag}, body).status,
         304, op.node["operationId"] + " is as it was")


def nginx(t, w, op):
    """What NGINX refuses before it is anybody's."""
    for target, host, version, extra, code in (
            (op.path, "localhost", "1.1", "X: " + "a" * 40000 + "\r\n",
             "bad_request"),
            (op.path + "?q=" + "a" * 40000, "localhost", "1.1", "",
             "uri_too_long"),
            (op.path, "example.com", "1.1", "", "misdirected_request"),
            (op.path, "localhost", "1.1", "Transfer-Encoding: gzip\r\n",
             "not_implemented"),
            (op.path, "localhost", "3.0", "",
             "http_version_not_supported")):
        conn = web.Conn(w.s.port)
        conn.send(("GET %s HTTP/%s\r\nHost: %s\r\n%s\r\n"
                   % (target, version, host, extra)).encode())
        r = conn.read()
        conn.close()
        t.eq(r.code, code, "NGINX: " + code)


def away(t, w, ops):
    """Without the database: what needs it says so."""
    w.s.pg_proxy.set("refuse")
    w.s.pg_proxy.cut()
    for op in ops:
        if "database_unavailable" not in sum(op.codes().values(), []):
            continue
        r = ask(w, op, *w.good(op))
        t.eq((r.status, r.code), (503, "database_unavailable"),
             op.node["operationId"] + " without the database")
    w.s.pg_proxy.set("pass")


tap.run(main)
