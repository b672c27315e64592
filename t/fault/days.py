#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Days that nobody made, and functions that fail: the writers make the day
themselves, readiness tells of both."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import psycopg2

import sim
import stack
import tap
import wa
import web

API = "/api/v1"
CONV = API + "/conversations"
HOOK = API + "/webhooks/whatsapp"
DAYS = ("event_log", "webhook_raw")


def main(t):
    with stack.Stack() as s:
        for part in tap.parts(helped, many, rights, warned, held, functions,
                              sidecar):
            t.head(part.__name__)
            part(t, s)
        s.check_logs(t)


def drop(s, first=-1):
    """Every day from so many days from now on, as if no housekeeping had
    come for long."""
    rows = s.sql("""
        SELECT k.relname FROM pg_inherits i
        JOIN pg_class k ON k.oid = i.inhrelid
        WHERE i.inhparent IN ('event_log'::regclass, 'webhook_raw'::regclass)
          AND to_date(right(k.relname, 10), 'YYYY_MM_DD') >=
              (now() AT TIME ZONE 'UTC')::date + %s""", (first,))
    for name, in rows:
        s.sql("DROP TABLE " + name)


def days(s):
    return {p: s.one("SELECT count(*) FROM pg_inherits WHERE inhparent = "
                     "%s::regclass", (p,)) for p in DAYS}


def talk(s, name):
    ten = s.add_tenant(name)
    phone = wa.phone()
    s.say(ten, phone, "hi")
    c = s.client(s.token(ten.agent))
    conv = c.get(CONV).json["data"][0]["id"]
    return ten, phone, c, "%s/%s/messages" % (CONV, conv)


def helped(t, s):
    ten, phone, c, target = talk(s, "Helped")
    drop(s)
    r = c.post(target, {"content": "first"},
               headers={"Idempotency-Key": "first"})
    t.eq(r.status, 201, "a message is sent on a day that nobody made")
    again = c.post(target, {"content": "first"},
                   headers={"Idempotency-Key": "first"})
    t.eq((again.status, again.body), (201, r.body), "... and kept under its "
                                                    "key")
    t.eq(set(days(s).values()), {3},
         "yesterday, today and tomorrow are made, and no other day")
    drop(s)
    raw = wa.dump(wa.body(wa.value(ten.number, [wa.text(phone, "yes")])))
    t.eq(s.hook(raw).status, 200, "a webhook is stored")
    drop(s)
    t.eq(s.hook(wa.dump({"object": "x"})).status, 200,
         "and one that is kept raw alone")
    m = c.get(target).json["data"]
    t.eq(sorted(x["content"] for x in m), ["first", "hi", "yes"],
         "each is there once")


def many(t, s):
    """Writers that meet the missing day at the same moment."""
    talks = [talk(s, "Many %d" % i) for i in range(4)]
    for kind in ("REST", "webhooks", "both"):
        drop(s)

        def one(i):
            ten, phone, c, target = talks[i % 4]
            if kind == "REST" or (kind == "both" and i % 2):
                return s.client(c.token).post(
                    target, {"content": "m"}).status
            raw = wa.dump(wa.body(wa.value(ten.number, [
                wa.text(phone, "m")])))
            return s.client().post(HOOK, body=raw, headers={
                "X-Hub-Signature-256": wa.sign(s.app_secret, raw)}).status

        got = web.parallel(24, one)
        t.ok(set(got) <= {200, 201}, "24 writers at once: all succeed: "
             + kind, got)
    for ten, _, _, _ in talks:
        rows = s.one("SELECT array_agg(seq ORDER BY seq) FROM event_log WHERE"
                     " tenant_id = %s", (ten.id,))
        head = s.one("SELECT seq FROM tenant_event_head WHERE tenant_id = %s",
                     (ten.id,))
        t.ok(rows == list(range(head - len(rows) + 1, head + 1)),
             "what is left of the log is dense", (rows, head))


def sidecar(t, s):
    """The courier's outcome, without the housekeeping."""
    ten, phone, c, target = talk(s, "Sidecar")
    phones = sim.Sim(s)
    try:
        phones.config(sent_ms=60000, delivered_ms=60000, read_ms=60000)
        heard = phones.customer(ten, phone, "hello")
        stack.wait_until(lambda: s.one(
            "SELECT count(*) FROM messages WHERE whatsapp_message_id = %s",
            (heard,)), 10, "what opens the window")
        mid = c.post(target, {"content": "sent"}).json["id"]
        drop(s)
        h = s.serve(roles="courier", name="courier")
        stack.wait_until(lambda: s.one(
            "SELECT status FROM messages WHERE id = %s", (mid,)) == "sent",
            20, "the outcome")
        t.ok("made the day's partitions" in h.words(),
             "the courier makes the day, too", h.words)
        t.eq(phones.texts(ten, phone), ["sent"], "... and sent once")
    finally:
        phones.stop()


def rights(t, s):
    """The app may ask for days and for nothing else."""
    drop(s)
    db = s.pg.connect()
    cur = db.cursor()
    cur.execute("CREATE TEMP TABLE pg_class_x (); SET ROLE pytake_app")
    cur.execute("SET search_path = pg_temp, public")
    cur.execute("SELECT pytake_days_help()")
    t.eq((cur.fetchone()[0], days(s)), (6, {p: 3 for p in DAYS}),
         "pytake_app may call it, whatever its search_path")
    cur.execute("SELECT pytake_days_help()")
    t.eq(cur.fetchone()[0], 0, "... again: nothing")
    for what, text in (
            ("a day of its own", "SELECT pytake_partition_add('event_log', "
             "'event_log_2001_01_01', 'created_at', '2001-01-01', "
             "'2001-01-02')"),
            ("all days", "SELECT pytake_days_make()"),
            ("a drop", "SELECT pytake_day_drop('event_log', 0)"),
            ("a table", "CREATE TABLE public.mine ()"),
            ("a temporary one", "CREATE TEMP TABLE mine ()")):
        try:
            cur.execute(text)
            code = None
        except psycopg2.Error as e:
            code = e.pgcode
        t.eq(code, "42501", "... but not " + what)
    t.eq(s.one("SELECT bool_and(relacl IS NULL) FROM pg_class k JOIN "
               "pg_inherits i ON i.inhrelid = k.oid WHERE i.inhparent = "
               "'event_log'::regclass"), True, "the days have no grants")
    holder = s.pg.connect()
    holder.autocommit = False
    holder.cursor().execute("SELECT pg_advisory_xact_lock(7305809)")
    drop(s)
    try:
        cur.execute("SELECT pytake_days_help()")
        code = None
    except psycopg2.Error as e:
        code = e.pgcode
    t.eq(code, "55P03", "another maker is not waited for without end")
    holder.close()
    db.close()
    s.sql("SELECT pytake_days_make()")


def health(s, path="/health/ready"):
    r = s.client().get(path)
    return (r.status, r.json["services"]["database"],
            r.json.get("reasons", []))


def warned(t, s):
    s.sql("SELECT pytake_days_make()")
    t.eq(health(s), (200, True, []), "14 days ahead: nothing to tell")
    for first in (7, 0):
        drop(s, first)
        for path in ("/health", "/health/ready"):
            t.eq(health(s, path), (200, True, ["partitions"]),
                 "%s with %d days ahead: 200, and the reason"
                 % (path, first - 1))
        t.eq(s.client().get("/health").json["status"], "degraded",
             "... degraded")
        out = s.pytake("doctor", check=False)
        t.ok(out.count("run \"pytake partitions\"") >= 2, "... doctor says "
             "so", out)
    s.sql("SELECT pytake_days_make()")


def held(t, s):
    """A day that cannot be made: nothing was done, come again."""
    _, _, c, target = talk(s, "Held")
    day = s.one("SELECT 'event_log_' || to_char(now() AT TIME ZONE 'UTC', "
                "'YYYY_MM_DD')")
    bounds = s.one("SELECT pg_get_expr(relpartbound, oid) FROM pg_class "
                   "WHERE relname = %s", (day,))
    s.sql("ALTER TABLE event_log DETACH PARTITION " + day)
    r = c.post(target, {"content": "x"})
    t.eq((r.status, r.code, "retry-after" in r.headers),
         (503, "database_unavailable", True),
         "a day that cannot be made: 503, to be retried")
    s.sql("ALTER TABLE event_log ATTACH PARTITION %s %s" % (day, bounds))
    t.eq(c.post(target, {"content": "x"}).status, 201, "... and then it goes")


def functions(t, s):
    """A server whose functions fail (upgraded underneath: 58P01)."""
    ten, phone, c, target = talk(s, "Functions")
    good = s.one("SELECT pg_get_functiondef('pytake_session_enter'::regproc)")
    acl = "GRANT EXECUTE ON FUNCTION pytake_session_enter(uuid, uuid, uuid)" \
        " TO pytake_app"
    breaks = (
        ("58P01", "CREATE OR REPLACE FUNCTION pytake_session_enter(p_tenant "
         "uuid, p_session uuid, p_user uuid) RETURNS boolean LANGUAGE plpgsql"
         " SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN "
         "RAISE 'could not load library' USING ERRCODE = '58P01'; END $$",
         good),
        ("a right that is missing", acl.replace("GRANT", "REVOKE").replace(
            " TO ", " FROM "), acl))
    for what, broken, mended in breaks:
        s.sql(broken)
        t.eq((health(s), health(s, "/health")), ((503, False, []),) * 2,
             "unhealthy: " + what)
        if what == "58P01":
            for r in (c.get(CONV), c.post(target, {"content": "x"})):
                t.eq((r.status, r.code, "retry-after" in r.headers),
                     (503, "database_unavailable", True),
                     "a request: 503, to be retried")
        s.sql(mended)
        t.eq(health(s), (200, True, []), "... and well again")
    t.eq(c.post(target, {"content": "x"}).status, 201, "requests, too")


tap.run(main)
