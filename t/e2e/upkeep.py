#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The housekeeping holds nobody up and one job's trouble is not the others';
who is suspended gets no session."""

import os
import re
import subprocess
import sys
import threading
import time
import uuid

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cluster  # noqa: E402
import procs  # noqa: E402
import statements  # noqa: E402
import tap  # noqa: E402
from cluster import TOP, connect, one, sql  # noqa: E402

SCHEMA = os.path.join(TOP, "schema")
BUSY = "55P03"
FAR = time.gmtime().tm_year + 5  # a year that no housekeeping has come to

EVENT = """INSERT INTO event_log (tenant_id, seq, id, created_at, event,
    frame) VALUES (gen_random_uuid(), 1, gen_random_uuid(), %s, 'x', '')"""


def statement(name, values):
    """A named statement with its parameters as psycopg2 has them."""
    found = statements.read()[name]
    return (re.sub(r"\$(\d+)", lambda m: "%%(p%s)s::%s" % (
        m.group(1), found.types[int(m.group(1)) - 1]),
        found.sql.replace("%", "%%")),
        {"p%d" % (n + 1): v for n, v in enumerate(values)})


def ask(cur, name, *values):
    cur.execute(*statement(name, values))
    return cur.fetchall()


def code(cur, text, params=None):
    """The SQLSTATE of a statement that fails, else None."""
    try:
        cur.execute(text, params)
        return None
    except psycopg2.Error as e:
        return e.pgcode


def environment(url):
    env = {k: v for k, v in os.environ.items()
           if not re.match(r"(DATABASE|DB|REDIS|JWT|WHATSAPP|WEBSOCKET|CORS"
                           r"|LOG|PYTAKE)_", k) and k != "PYTAKE"}
    return dict(env, DATABASE_URL=url, LOG_LEVEL="info")


def program(url, *args):
    return subprocess.run([cluster.pytake(), *args], capture_output=True,
                          text=True, timeout=60, env=environment(url))


def migrated(here):
    url = here.database()
    p = program(url, "migrate")
    if p.returncode != 0:
        raise RuntimeError("migrate: " + p.stdout + p.stderr)
    return url


class Serve:
    """The sidecar with its housekeeping alone."""

    def __init__(self, url):
        self.lines = []
        self.p = subprocess.Popen(
            [cluster.pytake(), "serve", "--roles", "jobs"],
            stderr=subprocess.PIPE, text=True, env=environment(url))
        self.t = threading.Thread(
            target=lambda: self.lines.extend(self.p.stderr), daemon=True)
        self.t.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.p.terminate()
        self.p.wait(timeout=20)
        self.t.join(timeout=20)


def until(what, seconds=20):
    try:
        procs.wait_until(what, seconds)
        return True
    except TimeoutError:
        return False


def reader(url, *names):
    """A transaction that has read these tables, as pg_dump has."""
    c = psycopg2.connect(url)
    cur = c.cursor()
    for name in names:
        cur.execute("SELECT count(*) FROM " + name)
    return c


def day(url, n):
    return one(url, "SELECT to_char((now() AT TIME ZONE 'UTC')::date + %s,"
                    " 'YYYY_MM_DD')", n)


def month(url, n):
    return one(url, "SELECT to_char(date_trunc('month', now() AT TIME ZONE"
                    " 'UTC') + make_interval(months => %s), 'YYYY_MM')", n)


def there(url, name):
    return one(url, "SELECT to_regclass(%s) IS NOT NULL", name)


def old_days(url, *parents):
    for parent in parents:
        for d in ("01", "02"):
            sql(url, "CREATE TABLE %s_2020_01_%s PARTITION OF %s FOR VALUES"
                     " FROM ('2020-01-%s') TO ('2020-01-%s 12:00')"
                % (parent, d, parent, d, d))


def days(t, here):
    url = migrated(here)
    made = [(p, "%s_%s" % (p, d)) for p in ("event_log", "webhook_raw")
            for d in (day(url, 5), "%d_01_01" % FAR)]
    shape = """SELECT a.attname, a.atttypid, a.attnotnull, a.attstorage,
                      a.attcompression
               FROM pg_attribute a WHERE a.attrelid = %s::regclass
               AND a.attnum > 0 ORDER BY a.attname"""
    for parent, name in made:
        if there(url, name):
            sql(url, "DROP TABLE " + name)
    held = reader(url, "event_log", "webhook_raw")
    maker = psycopg2.connect(url)
    cur = maker.cursor()
    cur.execute("SET lock_timeout = '200ms'")
    bad = code(cur, "SELECT pytake_partitions_make()")
    t.eq(bad, None, "a day is made beside a reader")
    for parent, column in (("event_log", "created_at"),
                           ("webhook_raw", "received_at")):
        bad = bad or code(
            cur, "SELECT pytake_partition_add(%s, %s, %s, %s, %s)",
            (parent, "%s_%d_01_01" % (parent, FAR), column,
             "%d-01-01" % FAR, "%d-01-02" % FAR))
    t.eq(bad, None, "... of both tables")
    if bad is None:
        cur.execute("""
            SELECT DISTINCT l.mode FROM pg_locks l
            WHERE l.pid = pg_backend_pid() AND l.relation IN
                ('event_log'::regclass, 'webhook_raw'::regclass)""")
        modes = {r[0] for r in cur.fetchall()}
        t.eq(modes & {"ShareRowExclusiveLock", "ExclusiveLock",
                      "AccessExclusiveLock"}, set(),
             "... with no lock on the parent that a writer minds")
    c = connect(url)
    other = c.cursor()
    other.execute("SET lock_timeout = '200ms'")
    t.eq(code(other, "SELECT 1 FROM event_log"), None,
         "... before its commit a reader goes on")
    t.eq(code(other, EVENT, ("now",)), None, "... and a writer")
    c.close()
    (maker.rollback if bad else maker.commit)()
    maker.close()
    held.close()
    for parent, name in made:
        t.ok(there(url, name) and sql(url, shape, name)
             == sql(url, shape, parent), name + " is as its parent")
        t.eq(sql(url, "SELECT count(*) FROM pg_index WHERE indrelid ="
                      " to_regclass(%s)", name),
             sql(url, "SELECT count(*) FROM pg_index WHERE indrelid ="
                      " %s::regclass", parent), "... has its indexes")
        t.eq(sql(url, "SELECT relacl FROM pg_class WHERE oid ="
                      " to_regclass(%s)", name), [(None,)],
             "... and no grants")
    sql(url, EVENT, "%d-01-01 10:00+00" % FAR)
    t.eq(one(url, "SELECT tableoid::regclass::text FROM event_log WHERE"
                  " created_at > %s", "%d-01-01" % FAR),
         "event_log_%d_01_01" % FAR,
         "a row of it goes there")


def drops(t, here):
    url = migrated(here)
    old_days(url, "event_log", "webhook_raw")
    c = connect(url)
    cur = c.cursor()
    cluster.enter(cur, "service")
    held = reader(url, "event_log")
    with_reader = code(cur, *statement("event_day_drop", (8,)))
    t.eq(with_reader, BUSY, "a day that is read is not waited for")
    t.eq(ask(cur, "raw_day_drop", 30), [(1,)],
         "one of the other table's is dropped")
    held.close()
    t.eq([ask(cur, "event_day_drop", 8)[0][0]
          for _ in range(3)], [1, 1, 0], "one day a call")
    t.eq((there(url, "webhook_raw_2020_01_01"),
          there(url, "webhook_raw_2020_01_02")), (False, True),
         "the oldest went first")
    cur.execute("SELECT pytake_day_drop('messages', -99999)")
    t.eq(cur.fetchall(), [(0,)], "no table of months is touched")
    c.close()


def people(url):
    """A tenant, a user, a session that lives."""
    ids = [str(uuid.uuid4()) for _ in range(3)]
    sql(url, "INSERT INTO tenants (id, name) VALUES (%s, %s)", ids[0],
        "T " + ids[0])
    sql(url, "INSERT INTO users (tenant_id, id, email, name, role,"
             " password_hash) VALUES (%s, %s, %s, 'U', 'agent', 'x')",
        ids[0], ids[1], ids[1] + "@example.com")
    sql(url, "INSERT INTO sessions (id, tenant_id, user_id, expires_at)"
             " VALUES (%s, %s, %s, now() + interval '1 day')",
        ids[2], ids[0], ids[1])
    return ids


def fill(url, ids, n):
    """n rows for each of the trims, and one each that stays."""
    sql(url, """INSERT INTO idempotency_keys (tenant_id, scope, key,
        body_hash, status, response, created_at)
        SELECT %s, 's', g::text, '', 201, '', now()
            - CASE g WHEN 0 THEN interval '0' ELSE interval '25 hours' END
        FROM generate_series(0, %s) g""", ids[0], n)
    sql(url, """INSERT INTO sessions (id, tenant_id, user_id, expires_at)
        SELECT gen_random_uuid(), %s, %s, now() - interval '31 days'
        FROM generate_series(1, %s)""", ids[0], ids[1], n)
    sql(url, """INSERT INTO refresh_tokens (token_hash, tenant_id,
        session_id, expires_at) SELECT sha256(g::text::bytea), %s, %s,
        now() + CASE g WHEN 0 THEN 1 ELSE -31 END * interval '1 day'
        FROM generate_series(0, %s) g""", ids[0], ids[2], n)


def left(url):
    return [one(url, "SELECT count(*) FROM " + name) for name in
            ("idempotency_keys", "sessions", "refresh_tokens")]


def trims(t, here):
    url = migrated(here)
    ids = people(url)
    fill(url, ids, 25)
    c = connect(url)
    cur = c.cursor()
    cluster.enter(cur, "service")
    for name, kept in (("idem_trim", 1), ("session_trim", 30),
                       ("refresh_token_trim", 30)):
        t.eq([ask(cur, name, kept, 10)[0][0] for _ in range(4)],
             [10, 10, 5, 0], name + ": in steps")
    t.eq(left(url), [1, 1, 1], "what is in use stays")

    sql(url, "UPDATE sessions SET expires_at = now() - interval '31 days'")
    mover = psycopg2.connect(url)
    with mover.cursor() as m:
        m.execute("UPDATE sessions SET expires_at = now() + interval '1 day'")
    got = []
    trimmer = threading.Thread(target=lambda: got.extend(
        ask(cur, "session_trim", 30, 10)))
    trimmer.start()
    t.ok(until(lambda: got or one(
        url, "SELECT count(*) FROM pg_stat_activity WHERE datname ="
             " current_database() AND wait_event_type = 'Lock'") == 1),
        "a trim beside a renewal")
    mover.commit()
    mover.close()
    trimmer.join()
    t.eq((got, left(url)), ([(0,)], [1, 1, 1]), "... leaves the session")
    c.close()


def serve(t, here):
    """Everything at once, with the months stuck and a day in use."""
    url = migrated(here)
    ids = people(url)
    fill(url, ids, 25000)
    old_days(url, "event_log", "webhook_raw")
    missing = ["event_log_" + day(url, 5), "webhook_raw_" + day(url, 6)]
    months = ["messages_" + month(url, 1), "message_receipts_"
              + month(url, 1), "messages_" + month(url, 2)]
    for name in missing + months:
        sql(url, "DROP TABLE " + name)
    held = reader(url, "messages_default", "event_log_2020_01_01")
    with Serve(url) as s:
        t.ok(until(lambda: all(there(url, n) for n in missing)),
             "days are made though the months are stuck", s.lines)
        t.ok(until(lambda: not there(url, "webhook_raw_2020_01_02")),
             "raw days are dropped though an event day is in use", s.lines)
        t.ok(until(lambda: left(url) == [1, 1, 1]), "all is trimmed",
             (left(url), s.lines))
        t.eq([there(url, n) for n in months], [False] * 3,
             "the months wait")
        held.close()
        t.ok(until(lambda: all(there(url, n) for n in months)),
             "... and come when the table is free", s.lines)
        t.ok(until(lambda: not there(url, "event_log_2020_01_02")),
             "... as the event days go", s.lines)
        t.ok(until(lambda: any("event_day_drop done" in x
                               for x in s.lines)), "it says so", s.lines)
    t.ok(all(sum('"%s" waits' % n in x for x in s.lines) == 1
             for n in ("months_make", "event_day_drop")),
         "each complaint came once", s.lines)
    t.ok(not any("[err" in x for x in s.lines),
         "... and was no error", s.lines)


def command(t, here):
    url = migrated(here)
    ids = people(url)
    fill(url, ids, 20)
    old_days(url, "event_log", "webhook_raw")
    for n in (-8, -9):  # 7 days and the running one are kept
        sql(url, "SELECT pytake_partition_add('event_log', 'event_log_%s', "
            "'created_at', (current_date + %d)::text, "
            "(current_date + %d)::text)" % (day(url, n), n, n + 1))
    sql(url, "DROP TABLE event_log_" + day(url, 5))
    sql(url, "DROP TABLE messages_" + month(url, 1))
    held = reader(url, "messages_default")
    p = program(url, "partitions")
    t.ok(p.returncode == 1 and "months_make: " in p.stderr,
         "the command says which one is stuck", p.stderr)
    t.eq(p.stdout, "1 made, 5 dropped\n", "... and did the others")
    t.eq([there(url, "event_log_" + day(url, n)) for n in (-8, -9)],
         [True, False], "... events are kept for as long as promised")
    t.eq(left(url), [1, 1, 1], "... the trims, too")
    held.close()
    p = program(url, "partitions")
    t.eq((p.returncode, p.stdout, p.stderr), (0, "1 made, 0 dropped\n", ""),
         "... and that one then")


def moves(t, here):
    """Messages of months that were not there."""
    url = migrated(here)
    ids = people(url)
    back = [month(url, -4), month(url, -5)]
    sql(url, """INSERT INTO messages (tenant_id, id, conversation_id,
        sender_type, content, created_at, received_at)
        SELECT %s, overlay(pytake_uuid_floor(now() - make_interval(
                   months => m))::text
                   PLACING right(gen_random_uuid()::text, 12) FROM 25)::uuid,
               gen_random_uuid(), 'contact', 'x', now(), now()
        FROM unnest(ARRAY[4, 4, 5]) m""", ids[0])
    c = connect(url)
    cur = c.cursor()
    t.eq([ask(cur, "months_make")[0][0] for _ in range(3)],
         [1, 1, 0], "one month a call")
    t.eq([one(url, "SELECT count(*) FROM messages_" + m) for m in back]
         + [one(url, "SELECT count(*) FROM messages_default")], [2, 1, 0],
         "the rows moved")
    c.close()


def add_session(cur, ids):
    cluster.enter(cur, "app")
    cur.execute("SELECT set_config('pytake.tenant_id', %s, true)",
                (ids[0],))
    sid = str(uuid.uuid4())
    cur.execute("SELECT now() + interval '1 day'")
    end = cur.fetchone()[0]
    cur.execute("SELECT now()")
    return ask(cur, "session_add", sid, ids[1],
               cur.fetchone()[0], end, "ua", "127.0.0.1",
               os.urandom(32), str(uuid.uuid4()), "r")


def suspended(t, here):
    url = migrated(here)
    ids = people(url)
    living = ("SELECT count(*) FROM sessions WHERE tenant_id = %s"
              " AND revoked_at IS NULL")
    c = psycopg2.connect(url)
    cur = c.cursor()
    t.eq(len(add_session(cur, ids)), 1, "an active tenant's login")
    # the suspension comes while the login is not committed
    done = []
    other = threading.Thread(target=lambda: done.append(sql(
        url, "UPDATE tenants SET status = 'suspended' WHERE id = %s",
        ids[0])))
    other.start()
    until(lambda: done or one(
        url, "SELECT count(*) FROM pg_stat_activity WHERE datname ="
             " current_database() AND wait_event_type = 'Lock'") == 1)
    c.commit()
    other.join()
    t.eq(one(url, living, ids[0]), 0,
         "a suspension beside it ends its session")
    t.eq(add_session(cur, ids), [], "a suspended tenant's login: nothing")
    c.rollback()

    sql(url, "UPDATE tenants SET status = 'active' WHERE id = %s", ids[0])
    holder = psycopg2.connect(url)
    with holder.cursor() as h:
        h.execute("UPDATE tenants SET status = 'suspended' WHERE id = %s",
                  (ids[0],))
    got = []
    other = threading.Thread(target=lambda: got.append(add_session(cur,
                                                                   ids)))
    other.start()
    until(lambda: got or one(
        url, "SELECT count(*) FROM pg_stat_activity WHERE datname ="
             " current_database() AND wait_event_type = 'Lock'") == 1)
    holder.commit()
    holder.close()
    other.join()
    c.commit()
    t.eq((got, one(url, living, ids[0])), ([[]], 0),
         "a login beside a suspension: nothing")

    cluster.enter(cur, "app")
    cur.execute("SELECT set_config('pytake.tenant_id', %s, true)",
                (ids[0],))
    t.eq(code(cur, "UPDATE tenants SET status = 'suspended'"), "42501",
         "the app locks its tenant's row and cannot write its status")
    c.close()


def rotate(url, token):
    return sql(url, "SELECT outcome FROM pytake_refresh_rotate(%s, %s,"
                    " now() + interval '1 day', interval '30 s')",
               token, os.urandom(32))[0][0]


def renewals(t, here):
    url = migrated(here)
    a, b = people(url), people(url)

    def token(tenant, session):
        h = os.urandom(32)
        sql(url, "INSERT INTO refresh_tokens (token_hash, tenant_id,"
                 " session_id, expires_at) VALUES (%s, %s, %s,"
                 " now() + interval '1 hour')", h, tenant, session)
        return h

    t.eq(rotate(url, token(a[0], a[2])), "rotated", "a token of its own")
    t.eq(rotate(url, token(a[0], b[2])), "unknown",
         "a token of one tenant for another's session")
    sql(url, "UPDATE tenants SET status = 'suspended' WHERE id = %s", a[0])
    sql(url, "UPDATE sessions SET revoked_at = NULL WHERE id = %s", a[2])
    t.eq(rotate(url, token(a[0], a[2])), "unknown",
         "a session that outlived a suspension is not renewed")


def clocks(t, here):
    """revoked_at is what the hub's question compares it with."""
    url = migrated(here)
    ids = people(url)
    c = psycopg2.connect(url)
    cur = c.cursor()
    cur.execute("SELECT set_config('pytake.tenant_id', %s, true)",
                (ids[0],))
    values = [ids[2], "2001-01-01T00:00:00Z"]
    del values[len(statements.read()["session_revoke"].types):]
    ask(cur, "session_revoke", *values)
    t.eq(ask(cur, "hub_sessions_revoked", 10),
         [(ids[2], ids[0])], "a logout is found whatever a worker's clock")
    c.close()


def main(t):
    with cluster.Cluster("upkeep") as here:
        for part in tap.parts(days, drops, trims, serve, command, moves,
                              suspended, renewals, clocks):
            t.head(part.__name__)
            try:
                part(t, here)
            except Exception as e:
                t.ok(False, part.__name__ + " runs to its end", repr(e))


if __name__ == "__main__":
    tap.run(main)
