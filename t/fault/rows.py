#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Results of 10, 200, 5,000 and 20,000 rows never hang, plain and TLS: the
proof that database sockets are level-triggered.  Never skipped."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import conf
import stack
import tap
import wa
import web


def main(t):
    for ssl in (False, True):
        name = "TLS" if ssl else "plain"
        t.head(name)
        with stack.Stack(
                build="build-faults", pg_ssl=ssl, workers=1,
                database_options="?sslmode=" + ("require" if ssl
                                                else "disable"),
                conf_edit=conf.add_location(
                    "    location = /test/rows { pytake_test_rows 10; }"
                )) as s:
            results(t, s, name)
            if ssl:
                n = s.sql("SELECT s.ssl, count(*) FROM pg_stat_ssl s JOIN "
                          "pg_stat_activity a USING (pid) WHERE "
                          "a.application_name <> 'pytake-test' AND "
                          "a.datname = 'pytake' AND a.backend_type = "
                          "'client backend' GROUP BY 1")
                t.ok([x[0] for x in n] == [True],
                     "TLS: the module's connections are encrypted", n)
            s.check_logs(t)


def results(t, s, name):
    for rows, times in ((10, 300), (200, 300), (5000, 60), (20000, 20)):
        times = times * tap.size(1, 10)
        bad, slow = [], []

        def ask(_):
            try:
                r = client.get("/test/rows?n=%d" % rows)
                if r.status != 200 or r.json["rows"] != rows:
                    bad.append(r)
                if r.ms > 5000:
                    slow.append(r.ms)
                return r.json["bytes"]
            except (OSError, web.Closed) as e:
                bad.append(e)

        client = s.client(timeout=40)
        began = time.monotonic()
        sizes = {ask(i) for i in range(times // 3)}
        sizes |= set(web.fan(range(times - times // 3), 4, ask))
        t.ok(not bad and not slow and len(sizes) == 1,
             "%s: %d rows, %d times: none hangs" % (name, rows, times),
             (bad[:3], slow[:3], sizes))
        t.note("%.1f s, %s bytes each" % (time.monotonic() - began,
                                          sorted(map(str, sizes))))
    # Large and small ones share the connections.
    mixed = [(10, 20000, 200, 5000)[i % 4] for i in range(tap.size(60, 600))]
    client = s.client(timeout=40)
    rs = web.fan(mixed, 8, lambda n: (n, client.get("/test/rows?n=%d" % n)))
    t.ok(all(r.status == 200 and r.json["rows"] == n for n, r in rs),
         name + ": mixed on the same connections: each its own answer",
         [x for x in rs if x[1].status != 200][:3])

    # A reader behind a large result still gets an answer.
    user = s.tenants[0].agent
    c = s.client(s.token(user))
    s.say(s.tenants[0], wa.phone(), "hi")
    going = [True]

    def heavy():
        k = s.client(timeout=40)
        while going[0]:
            k.get("/test/rows?n=20000")

    th = [threading.Thread(target=heavy, daemon=True) for _ in range(2)]
    for x in th:
        x.start()
    rs = [c.get("/api/v1/conversations") for _ in range(50)]
    going[0] = False
    for x in th:
        x.join(40)
    t.ok({r.status for r in rs} == {200},
         name + ": ordinary reads beside large results", rs[:2])


tap.run(main)
