#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""pytake backup and restore: every row comes back, nothing is lost without
being asked for, and nobody reads a password off the process list."""

import os
import re
import stat
import subprocess
import sys
import tempfile

import psycopg2.extensions

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cluster  # noqa: E402
import tap  # noqa: E402
from cluster import connect, one, sql  # noqa: E402

KEY = "5f" * 16 + "0123456789abcdef" * 2

SEED = """
INSERT INTO contacts (tenant_id, id, name, profile_name)
SELECT id, id, 'c', 'c' FROM tenants;
INSERT INTO conversations (tenant_id, id, contact_id, whatsapp_config_id,
    activity_at, created_at, updated_at)
SELECT tenant_id, id, tenant_id, id, now(), now(), now()
FROM whatsapp_configs;
INSERT INTO messages (tenant_id, id, conversation_id, sender_type, content,
    message_type, status, created_at, received_at)
SELECT tenant_id, pytake_uuid_floor(now() - make_interval(months => m)), id,
    'contact', 'olá ' || m, 'text', 'delivered', now(), now()
FROM conversations, generate_series(0, 40) m;
INSERT INTO message_receipts (tenant_id, whatsapp_message_id, status,
    occurred_at, raw, received_at)
SELECT tenant_id, 'wamid.' || m, 'read', now() - make_interval(months => m),
    '{}', now() FROM conversations, generate_series(0, 3) m;
INSERT INTO event_log VALUES ((SELECT id FROM tenants LIMIT 1), 1,
    gen_random_uuid(), now(), 'x', NULL, '{}');
UPDATE tenant_event_head SET seq = 1
WHERE tenant_id = (SELECT id FROM tenants LIMIT 1);
INSERT INTO webhook_raw VALUES (gen_random_uuid(), now(), 'r', '\\x00ff',
    '{}');
INSERT INTO outbox (tenant_id, message_id, conversation_id,
    whatsapp_config_id, next_attempt_at, created_at)
SELECT tenant_id, id, id, id, now(), now() FROM conversations;
"""


def environment(**more):
    env = {k: v for k, v in os.environ.items()
           if not re.match(r"(DATABASE|DB|REDIS|JWT|WHATSAPP|WEBSOCKET|CORS"
                           r"|LOG|PYTAKE|PG)_", k) and k != "PYTAKE"}
    env.update(more)
    return env


def run(*args, url=None, stdin="", **env):
    if url is not None:
        env["DATABASE_URL"] = url
    return subprocess.run([cluster.pytake(), *args], input=stdin, timeout=120,
                          capture_output=True, text=True,
                          env=environment(**env))


class Room:
    """A cluster, a folder, and logins as operations.md has them."""

    def __init__(self, t, here, tmp):
        self.t, self.here, self.tmp = t, here, tmp
        self.owner = here.role("owner", "CREATEROLE")
        self.full = None

    def path(self, name):
        return os.path.join(self.tmp, name)

    def database(self):
        return self.here.database(owner=self.owner)

    def root(self, url):
        """The same database for who sees everything."""
        return self.here.of(psycopg2.extensions.parse_dsn(url)["dbname"])

    def filled(self):
        """A database with something in it, made once."""
        if self.full is not None:
            return self.full
        url = self.full = self.database()
        self.t.eq(run("migrate", url=url).returncode, 0, "a database")
        for n in range(3):
            run("tenant", "add", "--name", "T%d" % n, url=url)
        run("user", "add", "--tenant", "T0", "--email", "a@b.example",
            "--name", "A", "--role", "agent", url=url)
        run("number", "add", "--tenant", "T0", "--phone-number-id",
            "1065403523", "--display", "+1 202-555-0199", url=url)
        sql(self.root(url), SEED)
        sql(url, "CREATE TABLE event_log_2020_01_31 PARTITION OF event_log"
            " FOR VALUES FROM ('2020-01-31') TO ('2020-02-01')")
        sql(self.root(url), """
            INSERT INTO event_log VALUES ((SELECT id FROM tenants LIMIT 1),
            2, gen_random_uuid(), '2020-01-31 12:00Z', 'x', NULL, '{}')""")
        return url


def tables(url):
    return [r[0] for r in sql(url, """
        SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')
        AND relnamespace = 'public'::regnamespace AND NOT relispartition
        ORDER BY 1""")]


def rows(url, leave=("schema_migrations", "schema_functions")):
    """What every table holds, by a hash."""
    return {name: sql(url, "SELECT count(*), md5(coalesce(string_agg(x, ','"
                           " ORDER BY x), '')) FROM (SELECT r::text AS x"
                           " FROM %s r) q" % name)[0]
            for name in tables(url) if name not in leave}


def counts(url):
    return {k: v[0] for k, v in rows(url).items()}


# ---- the parts ----

def round_trip(t, room):
    url = room.filled()
    had = rows(room.root(url))
    t.ok(min(n for n, _ in (had[k] for k in (
        "tenants", "users", "messages", "event_log", "webhook_raw",
        "message_receipts"))) > 0, "it holds something", had)
    secret = room.path("url")
    with open(secret, "w") as f:
        f.write(url + "\n")
    file = room.path("one.pytake")
    p = run("backup", file, DATABASE_URL_FILE=secret)
    t.eq((p.returncode, p.stderr), (0, ""), "backup, by DATABASE_URL_FILE")
    t.ok(re.fullmatch(r".*one\.pytake: \d+ rows\n", p.stdout), "... says how"
         " much", p.stdout)
    t.eq(stat.S_IMODE(os.stat(file).st_mode), 0o600, "... for nobody else")
    t.eq(os.listdir(room.tmp).count("one.pytake.part"), 0,
         "... nothing is left beside it")
    p = run("backup", file, url=url)
    t.ok(p.returncode == 1 and "there already" in p.stderr,
         "a file that is there is not written over", p)

    new = room.copy = room.database()
    p = run("restore", file, url=new)
    t.eq((p.returncode, p.stderr), (0, ""), "restore into an empty database")
    t.ok(re.search(r"(?m)^messages: 41 rows$", p.stdout)
         and re.search(r"is restored: let the workers' login in by \"pytake "
                       r"migrate --login NAME\", then start [^\n]+\n\Z",
                       p.stdout), "... says what, and what is next", p.stdout)
    got = rows(room.root(new))
    waiting = had.pop("outbox"), got.pop("outbox")
    t.eq(got, had, "... every row of every table")
    t.eq([n for n, _ in waiting], [1, 1], "... the outbox, too")
    t.eq(one(room.root(new), "SELECT count(*) FROM outbox WHERE unknown_at"
             " IS NULL"), 0, "... but nothing is sent a second time")
    t.ok("not sent again" in p.stdout, "... which is said", p.stdout)
    t.eq(run("migrate", url=new).stdout,
         "the schema is current, nothing to do\n", "... nothing to migrate")
    p = run("doctor", url=new, PYTAKE_ENCRYPTION_KEY=KEY)
    for what in ("migrations", "row-level security", "partition grants",
                 "event_log", "messages"):
        t.ok(re.search("(?m)^ok   %s: " % what, p.stdout),
             "... doctor: " + what, p.stdout)
    p = run("tenant", "add", "--name", " t0", url=new)
    t.ok(p.returncode == 1 and "already" in p.stderr,
         "... and its triggers act", p)
    a, b = (sql(u, """SELECT c.relname, c.relkind::text, c.relforcerowsecurity
        FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
        AND c.relkind IN ('r', 'p', 'i', 'I', 'v') AND NOT c.relispartition
        ORDER BY 1""") for u in (url, new))
    t.eq(b, a, "... the schema is the same")


def refusals(t, room):
    url = room.copy
    file = room.path("one.pytake")
    run("tenant", "add", "--name", "Later", url=url)
    had = counts(room.root(url))

    p = run("restore", file, url=url)
    t.ok(p.returncode == 1 and "not empty" in p.stderr
         and "--yes" in p.stderr, "a database in use is not written over", p)
    t.eq(counts(room.root(url)), had, "... nothing has changed")

    c = connect(url, application_name="pytake hub")
    p = run("restore", file, "--yes", url=url)
    t.ok(p.returncode == 1 and "pytake hub" in p.stderr,
         "nor while somebody is connected", p)
    t.eq(counts(room.root(url)), had, "... nothing has changed")
    c.close()

    with open(file, "rb") as f:
        whole = f.read()
    for what, data in (("cut off", whole[:-7]), ("empty", b""),
                       ("damaged", whole[:-99] + b"x" + whole[-98:]),
                       ("something else", b"PGDMP" + b"\0" * 500)):
        with open(room.path("bad"), "wb") as f:
            f.write(data)
        p = run("restore", room.path("bad"), "--yes", url=url)
        t.ok(p.returncode == 1 and p.stderr.count("\n") == 1,
             "a file that is %s" % what, p)
    t.eq(counts(room.root(url)), had, "... nothing has changed")

    p = run("restore", file, "--yes", url=url)
    t.eq((p.returncode, p.stderr), (0, ""), "with --yes")
    t.eq(one(url, "SELECT count(*) FROM tenants"), 3, "... it is as it was")

    other = room.database()
    sql(other, "CREATE TABLE mine (a int)")
    p = run("restore", file, "--yes", url=other)
    t.ok(p.returncode == 1 and "mine" in p.stderr,
         "somebody else's tables are left alone", p)
    t.eq(one(other, "SELECT count(*) FROM mine"), 0, "... there they are")

    for words in ((), ("a", "b")):
        t.eq(run("backup", *words, url=url).returncode, 64, "wrong usage")
        t.eq(run("restore", *words, url=url).returncode, 64, "wrong usage")
    p = run("restore", room.path("none"), url=url)
    t.ok(p.returncode == 1 and "none" in p.stderr, "no such file", p)


def logins(t, room):
    """Who does not own the tables would see a part of them, or nothing."""
    url = room.filled()
    login = room.here.role("login", "NOINHERIT")
    t.eq(run("migrate", "--login", login, url=url).returncode, 0, "a login")
    p = run("backup", room.path("three"), url=room.here.of(
        psycopg2.extensions.parse_dsn(url)["dbname"], login))
    t.ok(p.returncode == 1 and "login that migrates" in p.stderr,
         "the workers' login makes no backup", p)
    t.ok(not os.path.exists(room.path("three")), "... and no file")

    p = run("backup", room.path("root"), url=room.root(url))
    t.eq(p.returncode, 0, "a superuser makes one")
    url = room.copy
    sql(room.root(url), "DROP POLICY owner_all ON contacts;"
        " DROP POLICY service_all ON contacts")
    p = run("backup", room.path("four"), url=url)
    t.ok(p.returncode == 1 and "contacts" in p.stderr,
         "rows that the owner does not see are not left out silently", p)


WATCH = """#!/bin/sh
tr '\\0' '\\n' < /proc/$$/cmdline > %s.argv
env > %s.env
%s
exec %s "$@"
"""


def children(t, room):
    """What the process list and the environment show of a child."""
    url = room.filled()
    secret = "hunter2-%d" % os.getpid()
    parts = url.split()
    dsn = " ".join(x for x in parts if not x.startswith("password="))
    dsn += " password=" + secret
    folder = room.path("bin")
    os.mkdir(folder)

    def put(name, first=""):
        with open(os.path.join(folder, name), "w") as f:
            f.write(WATCH % (room.path(name), room.path(name), first,
                             "/usr/bin/" + name))
        os.chmod(os.path.join(folder, name), 0o755)

    put("pg_dump")
    put("pg_restore")
    path = folder + ":" + os.environ["PATH"]
    file = room.path("five.pytake")
    p = run("backup", file, url=dsn, PATH=path, JWT_SECRET="s" * 40)
    t.eq((p.returncode, p.stderr), (0, ""), "a backup by a watched pg_dump")
    new = room.database()
    new = " ".join(x for x in new.split() if not x.startswith("password="))
    p = run("restore", file, url=new + " password=" + secret, PATH=path,
            JWT_SECRET="s" * 40)
    t.eq((p.returncode, p.stderr), (0, ""), "a restore by a watched"
         " pg_restore")
    for name in ("pg_dump", "pg_restore"):
        with open(room.path(name + ".argv")) as f:
            argv = f.read()
        with open(room.path(name + ".env")) as f:
            env = f.read()
        t.ok(secret not in argv and "host=" not in argv,
             name + " has no secret in its arguments", argv)
        t.ok("PGPASSWORD=" + secret in env, "... but knows the password")
        t.ok("JWT_SECRET" not in env and "DATABASE_URL" not in env,
             "... and nothing that it does not need", env)

    put("pg_restore", "head -c 3000 > /dev/null; echo broken >&2; exit 1")
    last = room.database()
    p = run("restore", file, url=last, PATH=path)
    t.ok(p.returncode == 1 and "pg_restore failed" in p.stderr
         and "broken" in p.stderr and "run it again with --yes" in p.stderr,
         "one that dies midway", p)
    p = run("restore", file, "--yes", url=last)
    t.eq((p.returncode, p.stderr), (0, ""), "... and the next one")

    put("pg_dump", "echo broken >&2; exit 1")
    p = run("backup", room.path("six"), url=url, PATH=path)
    t.ok(p.returncode == 1 and "pg_dump failed" in p.stderr
         and not [x for x in os.listdir(room.tmp) if x.startswith("six")],
         "a pg_dump that fails leaves no file", p)
    p = run("backup", room.path("six"), url=url, PATH=room.path("nowhere"))
    t.ok(p.returncode == 1 and "cannot be started" in p.stderr,
         "no pg_dump at all", p)

    put("pg_restore", "cat > /dev/null; exit 0")
    p = run("restore", file, url=room.database(), PATH=path)
    t.ok(p.returncode == 1 and "rows, the backup had" in p.stderr,
         "rows that did not come are missed", p)


def others(t, room):
    """A backup of a schema that this program does not have."""
    url = room.filled()
    with open(room.path("one.pytake"), "rb") as f:
        head, manifest = f.readline(), f.readline()
    t.ok(b'"tables"' in manifest and b'"migrations"' in manifest,
         "its second line is for people, too", manifest)
    sql(room.root(url), "UPDATE schema_migrations SET checksum = 'x'"
        " WHERE version = 12")
    other = room.path("other.pytake")
    t.eq(run("backup", other, url=url).returncode, 0,
         "a backup of another schema")
    p = run("restore", other, url=room.database())
    t.ok(p.returncode == 1 and "0012_schema.sql" in p.stderr, "... is refused", p)
    sql(room.root(url), "INSERT INTO schema_migrations"
        " VALUES (9999, 'later', 'x', now(), 1)")
    later = room.path("later.pytake")
    t.eq(run("backup", later, url=url).returncode, 0, "a newer one's")
    p = run("restore", later, url=room.database())
    t.ok(p.returncode == 1, "... is refused, too", p)


def main(t):
    with cluster.Cluster("backup") as here, \
            tempfile.TemporaryDirectory(prefix="pytake-backup-") as tmp:
        room = Room(t, here, tmp)
        for part in (round_trip, refusals, logins, children, others):
            if len(sys.argv) > 1 and part.__name__ not in sys.argv[1:]:
                continue
            t.head(part.__name__)
            try:
                part(t, room)
            except Exception as e:
                t.ok(False, part.__name__ + " runs to its end", repr(e))


if __name__ == "__main__":
    tap.run(main)
