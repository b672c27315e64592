# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""list, send: REST under 64 connections against pgbench."""

import json
import statistics
import time

import queries as q
import rig
from rig import say

SPREAD = 100  # conversations of a tenant that are written to
ENTER = q.put("session_enter", q.uid("tenant", ":t"), q.uid("session", ":t"),
              q.uid("user", ":t"))
TENANT = "\\set t %d + random(0, %d)\n" % (rig.BASE, rig.TENANTS - 1)


def get(target, token):
    return ("GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s"
            "\r\n\r\n" % (target, token)).encode()


def post(target, token, body):
    raw = json.dumps(body).encode()
    return ("POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s"
            "\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % (target, token, len(raw))).encode() + raw


def bench_list():
    say("== list: GET /api/v1/conversations, %d rows, %d connections"
        % (20, rig.CLIENTS))
    with rig.start() as s:
        info = rig.machine(s)
        say(rig.machine_line(info))
        path = rig.requests_file("list", (
            get("/api/v1/conversations?limit=20", rig.token(s, i))
            for i in range(rig.TENANTS)))
        rows = q.put("conv_list", ":key", ":last", ":n")
        define = {"key": "infinity", "last": "f" * 32, "n": 21}
        plain = [TENANT + q.batch(ENTER, q.put("head_get"), rows)]
        agg = [TENANT + q.batch(ENTER, q.put("head_get"),
                                "SELECT json_agg(x) FROM (%s) x" % rows)]
        warm(s, path)
        counts = (2, 4, 8, 16)
        n = rig.best_clients(s, plain, counts, define=define)
        m = rig.best_clients(s, agg, counts, define=define)
        got = rig.rounds({
            "pytake": lambda i: rig.http(s, path),
            "plain": lambda i: rig.pgbench(s, plain, n, define=define),
            "json_agg": lambda i: rig.pgbench(s, agg, m, define=define)})
        info["fdatasync_after_us"] = rig.fsync_us(s.pg.data)
    rig.table(got)
    v = [rig.verdict("list / pgbench json_agg",
                     rig.ratio(got["pytake"], got["json_agg"]), 1.0, 1.3),
         rig.verdict("list / pgbench plain rows",
                     rig.ratio(got["pytake"], got["plain"]), 0.80, 0.92),
         rig.verdict("list, nginx CPU of a request, us",
                     [r["nginx_us"] for r in got["pytake"]], 25, 20,
                     least=False, form="%.1f")]
    say("%-44s %s" % ("of which in user space", rig.spread(
        [r["nginx_user_us"] for r in got["pytake"]], "%.1f")))
    for k in ("json_agg", "plain"):
        rig.frugal("list / " + k, got["pytake"], got[k])
    latency(got["pytake"])
    rig.keep("list", {"machine": info, "rounds": got, "verdicts": v})
    return v


def warm(s, path):
    rig.http(s, path, seconds=1)


def latency(rs):
    say("latency of ours: p50 %.1f ms, p99 %.1f ms" % tuple(
        statistics.median(r[k] for r in rs) / 1000
        for k in ("p50_us", "p99_us")))


def bench_send():
    say("== send: POST /api/v1/conversations/{id}/messages, %d connections"
        % rig.CLIENTS)
    with rig.start() as s:
        info = rig.machine(s)
        say(rig.machine_line(info))
        tokens = [rig.token(s, i) for i in range(rig.TENANTS)]
        path = rig.requests_file("send", (
            post("/api/v1/conversations/%s/messages" % rig.uid(
                "conversation", t * rig.CONVERSATIONS + c), tokens[t],
                {"content": rig.PREVIEW})
            for c in range(SPREAD) for t in range(rig.TENANTS)))
        define = send_define(s)
        script = [send_script()]
        before = s.one("SELECT count(*) FROM messages")
        runs, sent = [], []

        def ours(seconds=None):
            r = rig.http(s, path, seconds)
            sent.append(r)
            return r

        def reference(n, seconds=None):
            define["ms"] = "%012x" % int(time.time() * 1000)
            r = rig.pgbench(s, script, n, seconds, define)
            runs.append(r)
            return r

        ours(1)
        rates = {n: reference(n, 2)["rate"] for n in (4, 8, 16, 32)}
        n = max(rates, key=rates.get)
        say("pgbench is best with %d clients (%s)" % (n, ", ".join(
            "%d: %.0f/s" % kv for kv in rates.items())))
        got = rig.rounds({"pytake": lambda i: ours(),
                          "pgbench": lambda i: reference(n)})
        total = (sum(r["good"] for r in sent)
                 + sum(r["total"] for r in runs))
        refused = sum(r["refused"] for r in sent)
        rig.nothing_lost("messages", total, s.one(
            "SELECT count(*) FROM messages") - before, refused)
        rig.nothing_lost("outbox", total,
                         s.one("SELECT count(*) FROM outbox"), refused)
        rig.events_dense(s)
        info["fdatasync_after_us"] = rig.fsync_us(s.pg.data)
    rig.table(got)
    v = [rig.verdict("send / pgbench, the same statements",
                     rig.ratio(got["pytake"], got["pgbench"]), 0.85, 0.95)]
    rig.frugal("send / pgbench", got["pytake"], got["pgbench"])
    latency(got["pytake"])
    rig.keep("send", {"machine": info, "rounds": got, "verdicts": v})
    return v


def send_define(s):
    """What PyTake passes and a number cannot make."""
    c = s.client(rig.token(s, 0))
    r = c.post("/api/v1/conversations/%s/messages"
               % rig.uid("conversation", 0), {"content": rig.PREVIEW})
    if r.status != 201:
        raise RuntimeError("send: %r" % r)
    s.sql("DELETE FROM outbox")
    frame = s.one("SELECT frame FROM event_log WHERE tenant_id = %s",
                  (rig.uid("tenant", 0),))
    return {"content": rig.PREVIEW, "frame": template(frame), "meta": "{}",
            "nil": "-", "i": 0}


def template(frame):
    """A frame as the core hands it to SQL: marks for what SQL fills in."""
    event = json.loads(frame)
    event["data"]["conversation"] = "\x03"
    event["conversation_id"] = "\x01"
    event["data"]["conversation_id"] = "\x01"
    event["seq"] = "\x04"
    text = json.dumps(event, separators=(",", ":"))
    for mark, quoted in (("\x03", True), ("\x01", False), ("\x04", True)):
        esc = json.dumps(mark)
        text = text.replace(esc, mark if quoted else '"%s"' % mark)
    return text


def send_script():
    nil = "nullif(:nil, '-')"
    return (TENANT
            + "\\set c %d + (:t - %d) * %d + random(0, %d)\n" % (
                rig.BASE, rig.BASE, rig.CONVERSATIONS, SPREAD - 1)
            + "\\set i :i + 1\n"
            + "\\set m %d + :i * 1000 + :client_id\n" % rig.BASE
            + "\\set e :m + 500\n"
            + q.batch(ENTER, q.put(
                "msg_send", q.uid("conversation", ":c"),
                ":ms::text || '7000' || :m", q.uid("user", ":t"),
                ":content", "'text'", ":meta", "now()", "now()", ":content",
                ":ms::text || '7000' || :e", ":frame", "'agent'", nil, nil,
                nil)))
