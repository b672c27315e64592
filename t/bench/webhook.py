# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""webhook: bodies of 1 and of 100 messages, signed, against each other and
against pgbench with the same statements."""

import random
import time

import queries as q
import rest
import rig
import wa
from rig import say

SENDERS = 200   # contacts of a tenant that write
BODY = 100      # messages of the large body ...
THREADS = 50    # ... of so many senders
CLIENTS = {1: rig.CLIENTS, BODY: 16}
TARGET = "/api/v1/webhooks/whatsapp"
TEXT = "Good morning! Is the blue one still there in size 38? Thank you"


def body(t, senders, n):
    """A body of n messages.  The marks are http_load's."""
    messages = [wa.text(rig.phone(t, senders[i % len(senders)]),
                        TEXT, mid="wamid.HBg@@@@@@@@@@@@@@@@%03d" % i)
                for i in range(n)]
    for m in messages:
        m["timestamp"] = "~" * 10
    contacts = [wa.contact(p, "Customer " + p)
                for p in dict.fromkeys(m["from"] for m in messages)]
    return wa.dump(wa.body(wa.value("10%d" % (rig.BASE + t), messages,
                                    contacts=contacts)))


def request(raw):
    return ("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
            "application/json\r\nX-Hub-Signature-256: sha256=%s\r\n"
            "Content-Length: %d\r\n\r\n" % (TARGET, "#" * 64, len(raw))
            ).encode() + raw


def timed(name, tenants):
    """A file of requests of 1 that tell in their text when they were due."""
    global TEXT
    text, TEXT = TEXT, "t=" + "^" * 16 + " " + TEXT
    path = rig.requests_file("webhook-" + name, (
        request(body(t, [c], 1)) for c in range(SENDERS) for t in tenants))
    TEXT = text
    return path


def files():
    """Requests of 1, and of 100; both spread over the same senders."""
    pick = random.Random(7)
    one = [request(body(t, [c], 1)) for c in range(SENDERS)
           for t in range(rig.TENANTS)]
    many = [request(body(t, pick.sample(range(SENDERS), THREADS), BODY))
            for _ in range(4) for t in range(rig.TENANTS)]
    return (rig.requests_file("webhook1", one),
            rig.requests_file("webhook100", many))


def frame(s):
    """An event's template as the core hands it to SQL."""
    return rest.template(s.one(
        "SELECT frame FROM event_log WHERE event = 'message_received' "
        "ORDER BY created_at DESC LIMIT 1"))


def literal(text):
    """A literal in a pgbench script, where ":name" is a variable: the
    colons are escaped away."""
    out = text.replace("\\", "\\\\").replace("'", "''")
    for c in ":\x01\x03\x04\n":
        out = out.replace(c, "\\x%02x" % ord(c))
    return "E'%s'" % out


def script(n, senders, template, raw):
    """Both batches of a webhook of n messages of so many senders, which lie
    side by side.  Arrays are made by SQL: pgbench knows numbers only."""
    each = "ARRAY(SELECT %s FROM generate_series(0, %d) g)"
    phones = each % ("(:p::bigint + g)::text", senders - 1)
    names = each % ("'Customer ' || (:p::bigint + g)", senders - 1)
    fresh = each % (":ms::text || '7000' || (:m::bigint + %s + g)", n - 1)
    fill = "array_fill(%s, ARRAY[%d])"
    nil = fill % ("NULL::text", senders)
    config = fill % ("(%s)::uuid" % q.uid("config", ":t"), senders)
    text = fill % (literal(TEXT) + "::text", n)
    return (rest.TENANT
            + "\\set i :i + 1\n"
            "\\set m %d + :i * 100000 + :client_id * 1000\n"
            "\\set p %d + (:t - %d) * %d + random(0, %d)\n" % (
                rig.BASE, int(rig.phone(0, 0)), rig.BASE, rig.CONVERSATIONS,
                SENDERS - senders)
            + q.batch(q.put("wa_numbers_find", "ARRAY['10'::text || :t]"))
            + q.batch(
                q.put("tenant_enter", q.uid("tenant", ":t")),
                q.put("raw_add", ":ms::text || '7000' || :m", "now()",
                      "'bench'", literal("\\x" + raw.hex()),
                      literal('{"messages":%d}' % n)),
                q.put("ingest_messages", phones, nil, names, phones, nil,
                      config, config, config, fresh % "0",
                      each % ("g %% %d + 1" % senders, n - 1),
                      fill % ("now()", n), fill % ("'text'::text", n), text,
                      text, each % ("'wamid.HBg' || (:m::bigint + g)",
                                    n - 1),
                      fill % ("'{}'::text", n), fill % ("NULL::text", n),
                      fill % (literal(template) + "::text", n),
                      fresh % "500", "now()")))


def bench():
    say("== webhook: bodies of 1 and of %d messages (%d senders), %d "
        "and %d connections" % (BODY, THREADS, CLIENTS[1], CLIENTS[BODY]))
    with rig.start() as s:
        info = rig.machine(s)
        say(rig.machine_line(info))
        one, many = files()
        before = s.one("SELECT count(*) FROM messages")
        total = {"rows": 0, "refused": 0}
        serial = iter(range(10 ** 6))

        def ours(path, n, seconds=None):
            r = rig.http(s, path, seconds, CLIENTS[n],
                         "%06x" % (next(serial) + 1))
            total["rows"] += n * r["good"]
            total["refused"] += n * r["refused"]
            return per_row(r, n)

        ours(one, 1, 1)
        ours(many, BODY, 1)
        template = frame(s)
        small = [script(1, 1, template, body(0, [0], 1))]
        large = [script(BODY, THREADS, template,
                        body(0, range(THREADS), BODY))]

        def theirs(texts, n, clients, seconds=None):
            r = rig.pgbench(s, texts, clients, seconds, {
                "i": 0, "ms": "%012x" % int(time.time() * 1000)})
            total["rows"] += n * r["total"]
            return per_row(r, n)

        best = {}
        for n, texts in ((1, small), (BODY, large)):
            rates = {c: theirs(texts, n, c, 2)["rate"]
                     for c in (4, 8, 16, 32)}
            best[n] = max(rates, key=rates.get)
            say("pgbench of %d is best with %d clients (%s)" % (
                n, best[n], ", ".join("%d: %.0f rows/s" % kv
                                      for kv in rates.items())))
        got = rig.rounds({
            "of 1": lambda i: ours(one, 1),
            "of %d" % BODY: lambda i: ours(many, BODY),
            "pgbench 1": lambda i: theirs(small, 1, best[1]),
            "pgbench %d" % BODY: lambda i: theirs(large, BODY, best[BODY])})
        rig.nothing_lost("messages", total["rows"], s.one(
            "SELECT count(*) FROM messages") - before, total["refused"])
        rig.nothing_lost("events", total["rows"], s.one(
            "SELECT count(*) FROM event_log"), total["refused"])
        rig.events_dense(s)
        info["fdatasync_after_us"] = rig.fsync_us(s.pg.data)
    return report(got, info)


def per_row(r, n):
    r["webhooks"] = r["total"]
    r["rate"] *= n
    for k in ("nginx_us", "postgres_us", "redis_us", "client_us"):
        r[k] /= n
    return r


def report(got, info):
    say("rates are rows (messages) a second, CPU is of a row")
    rig.table(got)
    many = "of %d" % BODY
    v = [rig.verdict("webhook of %d / webhooks of 1, rows/s" % BODY,
                     rig.ratio(got[many], got["of 1"]), 3.5, 6.0)]
    say("without a floor:")
    for a, b in (("of 1", "pgbench 1"), (many, "pgbench %d" % BODY)):
        say("%-44s %s" % ("%s / %s, the same statements" % (a, b),
                          rig.spread(rig.ratio(got[a], got[b]), "%.2f")))
    for name in ("of 1", many):
        say("webhook " + name + ":")
        rest.latency(got[name])
    rig.keep("webhook", {"machine": info, "rounds": got, "verdicts": v})
    return v
