#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Databases of one server are apart, logins of workers are nothing without a
role, and a database of before is brought over while it is in use; an e-mail
address is the same whatever the database's collation."""

import os
import re
import subprocess
import sys
import uuid

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cluster  # noqa: E402
import oldschema  # noqa: E402
import tap  # noqa: E402
from cluster import connect, one, role_of, sql  # noqa: E402

DENIED = "42501"


def run(url, *args, stdin=None, **more):
    env = {"PATH": "/usr/bin:/bin", "DATABASE_URL": url,
           "ASAN_OPTIONS": "detect_leaks=0", **more}
    p = subprocess.run([cluster.pytake(), *args], env=env, text=True,
                       input=stdin, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=60)
    p.text = p.stdout + p.stderr
    return p


def code(url, *statements, role=None):
    """The SQLSTATE that the last of them ends with, on a connection of its
    own; None: it is done.  No way in is "no entry"."""
    try:
        c = connect(url, role)
    except psycopg2.OperationalError as e:
        return "no entry" if "permission denied for database" in str(e) \
            else str(e)
    try:
        with c.cursor() as cur:
            for text in statements[:-1]:
                cur.execute(text)
            try:
                cur.execute(statements[-1])
            except psycopg2.Error as e:
                return e.pgcode
    finally:
        c.close()


class Place:
    """A database with an owner and a workers' login of its own."""

    def __init__(self, here, tag, name=None, more=""):
        self.here = here
        self.tag = tag
        self.owner = here.role(tag + "own", "CREATEROLE")
        self.worker = here.role(tag + "wrk", "NOINHERIT")
        self.name = name or here.name()
        if name:
            here.databases.append(name)
        self.url = here.create(self.name, self.owner, more)
        self.work = here.of(self.name, self.worker)
        self.root = here.of(self.name)

    def migrate(self, *args, **more):
        return run(self.url, "migrate", *args, **more)

    def tenant(self):
        return sql(self.root, "INSERT INTO tenants (id, name) VALUES (%s,"
                   " 'T ' || %s) RETURNING id", str(uuid.uuid4()),
                   self.tag)[0][0]


def apart(t, here):
    a, b = Place(here, "a"), Place(here, "b")
    for p in (a, b):
        r = p.migrate("--login", p.worker)
        t.eq((r.returncode, r.stderr), (0, ""), "a database migrates")
        t.ok("\nlet in: %s\n" % p.worker in r.stdout,
             "... and says whom it let in", r.stdout)
        p.id = p.tenant()
    r = run(a.work, "migrate", "--login", a.worker)
    t.ok(r.returncode == 1 and re.fullmatch(
        "pytake: [^\n]+ - give the owner's address: --database-url-file\n",
        r.stderr), "the workers' login is told whose address it takes", r.text)
    t.eq(role_of(a.url, "app"), "pytake_%s_app" % a.name,
         "its roles have its name")
    t.ok(not one(a.root, "SELECT has_database_privilege('public', %s,"
                 " 'CONNECT') OR has_database_privilege('public', %s,"
                 " 'TEMPORARY')", a.name, a.name), "it is closed to PUBLIC")
    t.eq([code(here.of(x.name, y), "SELECT 1") for x, y in (
        (a, b.worker), (b, a.worker), (a, b.owner), (b, a.owner))],
        ["no entry"] * 4, "neither's logins get into the other")
    shut = here.of(a.name, b.worker)
    r = run(shut, "doctor")
    t.ok(re.search("(?m)^FAIL database: [^\n]*permission denied for database "
                   "[^\n]* - let the login in: pytake migrate --login NAME, "
                   "as the owner$", r.stdout), "doctor says who lets it in",
         r.text)
    r = run(shut, "tenant", "list")
    t.ok(r.returncode == 1 and "let the login in" in r.stderr
         and "42501" not in r.stderr, "... every command does", r.text)
    t.eq((run(a.work, "tenant", "list").text.count(a.id),
          run(b.work, "tenant", "list").text.count(b.id)), (1, 1),
         "each serves its own")
    t.eq(code(a.work, "SET ROLE " + role_of(b.root, "service")), DENIED,
         "the other's roles cannot be entered")
    before = one(a.root, "SELECT datacl::text FROM pg_database WHERE datname"
                 " = %s", a.name)
    r = a.migrate()
    t.eq((r.returncode, r.stdout), (0, "the schema is current, nothing to "
                                    "do\n"), "run again it does nothing")
    t.eq(one(a.root, "SELECT datacl::text FROM pg_database WHERE datname"
             " = %s", a.name), before, "... and nobody else gets in")

    r = b.migrate(PYTAKE_ROLE_PREFIX=role_of(a.root, "")[:-1])
    t.ok(r.returncode == 1 and a.name in r.stderr
         and "PYTAKE_ROLE_PREFIX" in r.stderr,
         "roles of another database are refused", r.text)
    t.eq(role_of(b.root, "app"), "pytake_%s_app" % b.name, "... wholly")
    for bad in ("A", "a b", "pg_x", "1", "x" * 56):
        t.eq(run(b.url, "migrate", PYTAKE_ROLE_PREFIX=bad).returncode, 78,
             "no prefix: " + bad[:8])
    return a, b


def nothing(t, here, a, b):
    """What is left to who has taken a worker over."""
    service = role_of(a.root, "service")
    tries = (
        "SELECT count(*) FROM tenants", "SELECT count(*) FROM messages",
        "SELECT email FROM users", "SELECT * FROM schema_migrations",
        "INSERT INTO tenants (id, name) VALUES (gen_random_uuid(), 'x')",
        "DELETE FROM outbox", "TRUNCATE contacts", "DROP TABLE contacts",
        "ALTER TABLE contacts DISABLE ROW LEVEL SECURITY",
        "SELECT pytake_user_find('a')", "SELECT pytake_days_make()",
        "SELECT count(*) FROM messages_default",
        "COPY (SELECT 1) TO PROGRAM 'true'", "COPY tenants TO '/dev/null'",
        "SELECT pg_read_file('PG_VERSION')", "SELECT lo_import('/dev/null')",
        "SET ROLE " + a.owner, "SET SESSION AUTHORIZATION " + a.owner,
        "SET ROLE " + psycopg2.extensions.parse_dsn(here.url)["user"],
        "SET ROLE " + role_of(a.root, "lookup"), "SET ROLE " + b.worker,
        "SET ROLE " + role_of(b.root, "service"),
        "SET ROLE pg_read_all_data", "SET ROLE pg_execute_server_program",
        "CREATE TABLE x ()", "CREATE TEMPORARY TABLE x ()",
        "CREATE SCHEMA x", "CREATE ROLE x", "CREATE DATABASE x",
        "CREATE FUNCTION x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER ROLE %s SUPERUSER" % a.worker,
        "ALTER ROLE %s BYPASSRLS" % a.worker,
        "GRANT %s TO %s" % (a.owner, a.worker),
        "GRANT %s TO %s" % (service, b.worker),
        "SELECT * FROM pg_authid", "SELECT * FROM pg_statistic",
        "ALTER SYSTEM SET work_mem = '1GB'",
        "ALTER DATABASE %s SET work_mem = '1GB'" % a.name,
    )
    for role, leave in ((None, "RESET ROLE"),
                        (role_of(a.root, "app"), "SET ROLE NONE"),
                        (service, "SET ROLE NONE"),
                        (service, "SET SESSION AUTHORIZATION DEFAULT;"
                                  " SET ROLE NONE")):
        c = connect(a.work, role)
        got = {}
        with c.cursor() as cur:
            for text in tries:
                cur.execute(leave)
                try:
                    cur.execute(text)
                    got[text] = "done"
                except psycopg2.Error as e:
                    if e.pgcode != DENIED:
                        got[text] = e.pgcode
            cur.execute("GRANT CONNECT, CREATE ON DATABASE %s TO PUBLIC"
                        % a.name)
        c.close()
        t.eq(got, {}, "%s, %s: nothing is left" % (role or "a login", leave))
    t.ok(not one(a.root, "SELECT has_database_privilege('public', %s,"
                 " 'CONNECT, CREATE')", a.name), "... to give, either")
    t.eq(code(here.of(b.name, a.worker), "SELECT 1"), "no entry",
         "no other database")


def names(t, here):
    for n, name in enumerate((
            '_Acme "Ltd"', "_" + "x" * (62 - len(here.tag)),
            "_\u00c9t\u00e9 \u2615")):
        name = here.tag + name
        p = Place(here, "n%d" % n, name)
        r = p.migrate("--login", p.worker)
        t.eq((r.returncode, r.stderr), (0, ""), "migrates: " + name)
        p.id = p.tenant()
        t.ok(p.id in run(p.work, "tenant", "list").stdout,
             "... and its workers enter " + role_of(p.root, "service"))
        t.ok(re.fullmatch("pytake_[a-z0-9_]{1,56}", role_of(p.root, "app")),
             "... a name that needs no quotes")


def legacy(here, tag):
    """As a release of before left it: roles that every database shared, and
    a login that inherits them."""
    p = Place(here, tag)
    grant_old(here, p.owner)
    sql(here.url, "ALTER ROLE %s INHERIT" % p.worker)
    oldschema.apply(p.url)
    sql(here.url, "GRANT pytake_app, pytake_service TO " + p.worker)
    p.id = p.tenant()
    return p


def grant_old(here, owner):
    """From 16 on who did not make a role has to be given it."""
    if int(one(here.url, "SHOW server_version_num")) >= 160000 \
            and one(here.url, "SELECT count(*) FROM pg_roles WHERE rolname ="
                    " 'pytake_app'"):
        sql(here.url, "GRANT pytake_app, pytake_service, pytake_lookup TO %s"
            " WITH ADMIN TRUE, INHERIT TRUE, SET TRUE" % owner)


def old_worker(p):
    """A transaction as the release before does it."""
    c = psycopg2.connect(p.work, options="-c role=pytake_app")
    return c, c.cursor()


def serves(c, cur, p):
    cur.execute("SELECT set_config('pytake.tenant_id', %s, true)", (p.id,))
    cur.execute("INSERT INTO contacts (tenant_id, id) VALUES (%s,"
                " gen_random_uuid())", (p.id,))
    cur.execute("SELECT count(*) FROM tenants")
    n = cur.fetchone()[0]
    cur.execute("SELECT pytake_session_enter(%s, %s, %s)", (p.id,) * 3)
    c.commit()
    return n == 1


def rolling(t, here):
    a, b = legacy(here, "la"), legacy(here, "lb")
    t.eq(code(here.of(a.name, b.worker), "SELECT id FROM tenants",
              role="pytake_service"), None,
         "before, a login of another database read everything")
    open_before = old_worker(a)

    r = a.migrate()
    t.ok(r.returncode == 1 and "--login" in r.stderr and b.name in r.stderr,
         "whose logins they are is asked", r.text)
    t.eq(one(a.root, "SELECT count(*) FROM schema_migrations"), 12,
         "... before anything is done")
    for name, why in ((here.role("lsup", "SUPERUSER"), "is a superuser"),
                      (here.role("lby", "BYPASSRLS"), "passes row-level"),
                      (here.role("lcr", "CREATEROLE"), "may make roles"),
                      ("nobody_at_all", "is not there")):
        r = a.migrate("--login", name)
        t.ok(r.returncode == 1 and why in r.stderr, "no workers' login: "
             + why, r.text)
    r = a.migrate("--login", a.worker)
    t.eq((r.returncode, r.stderr), (0, ""), "with its name it migrates")
    t.eq(role_of(a.root, "app"), "pytake_%s_app" % a.name,
         "... to roles of its own")
    t.ok(serves(*open_before, a), "a worker of before goes on")
    t.ok(serves(*old_worker(a), a), "... and one that connects now")
    t.eq(code(a.work, "SELECT count(*) FROM event_log",
              role="pytake_service"), None, "... and its sidecar")
    t.ok(a.id in run(a.work, "tenant", "list").stdout, "new ones serve")
    t.eq(code(here.of(a.name, b.worker), "SELECT id FROM tenants",
              role="pytake_service"), "no entry", "the other's are out")
    t.ok(serves(*old_worker(b), b), "the other database serves as before")
    t.ok(re.search("(?m)^warn old roles: pytake_app",
                   run(a.work, "doctor").stdout), "doctor says that the old roles are still there")

    # the test's own grants are the superuser's: he takes them
    r = run(a.root, "migrate", "--finish")
    t.eq((r.returncode, r.stderr), (0, ""), "--finish")
    t.ok(code(a.work, "SELECT id FROM tenants", role="pytake_service")
         not in (None, "no entry"), "the old roles have nothing here")
    t.ok(a.id in run(a.work, "tenant", "list").stdout, "the new ones do")
    t.ok(serves(*old_worker(b), b), "the other one is untouched")
    t.eq(code(a.work, "RESET ROLE", "SELECT 1 FROM tenants"), DENIED,
         "the login that inherited does so no more")

    r = b.migrate()
    t.eq((r.returncode, r.stderr), (0, ""), "the other follows")
    t.eq([code(here.of(b.name, x), "SELECT 1") for x in (a.owner, a.worker)],
         ["no entry"] * 2, "... and the first one's logins are none of its")
    run(b.root, "migrate", "--finish", "--login", b.worker)
    for p in (a, b):
        out = run(p.work, "doctor").stdout
        for what in ("login", "connect", "members", "inherits",
                     "shared roles"):
            t.ok(re.search("(?m)^ok   %s: " % what, out),
                 "doctor: " + what, out)
        t.ok("old roles" not in out, "doctor: no old roles", out)


def alone(t, here):
    """The only one that has the shared roles knows whose logins they are."""
    p = legacy(here, "lone")
    r = p.migrate()
    t.eq((r.returncode, r.stderr), (0, ""), "nobody is asked")
    t.ok(p.worker in r.stdout, "its worker is let in", r.text)
    t.ok(serves(*old_worker(p), p) and p.id in run(
        p.work, "tenant", "list").stdout, "old and new workers serve")


def restored(t, here, a):
    """A dump has its database's roles; another database gets its own."""
    p = Place(here, "res")
    dump = subprocess.run(["pg_dump", "-Fp", "--no-owner", "-d", a.root],
                          capture_output=True)
    if b"version mismatch" in dump.stderr:
        t.skip("a restored database", "pg_dump is older than the server")
        return
    subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", p.root,
                    "-c", "SET SESSION AUTHORIZATION " + here.role(
                        "resup", "SUPERUSER"), "-f", "-"], input=dump.stdout,
                   check=True, stdout=subprocess.DEVNULL)
    app = role_of(a.root, "app")
    t.eq(role_of(p.root, "app"), app, "restored it has the other's roles")
    r = run(p.root, "migrate", "--login", p.worker)
    t.eq((r.returncode, r.stderr), (0, ""), "migrate gives it its own")
    t.eq(sql(p.root, """
        SELECT r.rolname FROM pg_shdepend s JOIN pg_roles r
        ON r.oid = s.refobjid WHERE s.refclassid = 'pg_authid'::regclass
        AND s.dbid = (SELECT oid FROM pg_database WHERE datname = %s)
        AND r.rolname LIKE %s""", p.name, role_of(a.root, "") + "%"), [],
        "nothing of the other's is left")
    t.eq(one(p.root, "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r"
             " ON r.oid = m.member WHERE r.rolname = %s", app), 0,
         "... and the other's roles have nothing here")
    t.ok(a.id in run(p.work, "tenant", "list").stdout, "its workers serve")


def doctor(t, here, a, b):
    def says(url, pattern, name):
        out = run(url, "doctor").stdout
        t.ok(re.search("(?m)^" + pattern, out), name, out)

    says(here.of(a.name), "FAIL login: .*is a superuser", "a superuser")
    name = here.role("by", "NOINHERIT BYPASSRLS")
    sql(here.url, "GRANT CONNECT ON DATABASE %s TO %s" % (a.name, name))
    for kind in ("app", "service"):
        sql(here.url, "GRANT %s TO %s" % (role_of(a.root, kind), name))
    says(here.of(a.name, name), "FAIL login: .*passes row-level",
         "a login with BYPASSRLS")
    says(a.work, "FAIL inherits: .*by ", "... seen by others, too")
    sql(here.url, "ALTER ROLE %s NOBYPASSRLS" % name)
    says(a.url, "warn login: .*owns the tables", "the owner as worker")
    says(a.work, "ok   login: ", "a worker's own")

    sql(here.url, "GRANT CONNECT ON DATABASE %s TO PUBLIC" % a.name)
    says(a.work, "FAIL connect: PUBLIC ", "PUBLIC may connect")
    t.eq(a.migrate().returncode, 0, "migrate closes it")
    says(a.work, "ok   connect: ", "... again")

    sql(here.url, "GRANT %s TO %s" % (role_of(a.root, "service"), b.worker))
    says(a.work, "FAIL members: (%s|%s)" % (b.owner, b.worker), "strange members")
    sql(here.url, "REVOKE %s FROM %s" % (role_of(a.root, "service"),
                                         b.worker))
    sql(b.root, "GRANT SELECT ON tenants TO " + role_of(a.root, "app"))
    says(a.work, "FAIL shared roles: " + b.name, "roles in two databases")
    sql(b.root, "REVOKE SELECT ON tenants FROM " + role_of(a.root, "app"))
    if int(one(here.url, "SHOW server_version_num")) >= 160000:
        sql(here.url, "GRANT %s TO %s WITH INHERIT TRUE"
            % (role_of(a.root, "service"), a.worker))
    else:
        sql(here.url, "ALTER ROLE %s INHERIT" % a.worker)
    says(a.work, "FAIL inherits: " + a.worker, "a login that inherits")
    sql(here.url, "ALTER ROLE %s NOINHERIT" % a.worker)
    granters(t, here, a, b)


def granters(t, here, a, b):
    """Who can make himself a member, though nobody made him one."""
    def named():
        out = run(a.work, "doctor").stdout
        line = re.search("(?m)^(ok  |warn) grants: (.*)$", out)
        if not line:
            return out
        if line.group(1) == "ok  ":
            return set()
        return set(re.match(r"(.*?)( and \d+ more)? may give ",
                            line.group(2)).group(1)
                   .split(", "))

    old = int(one(here.url, "SHOW server_version_num")) < 160000
    makers = [r for r, in sql(
        here.url, "SELECT rolname FROM pg_roles WHERE rolcreaterole AND NOT"
        " rolsuper AND rolname LIKE %s", here.tag + "%")]
    t.ok(a.owner in makers and b.owner in makers, "owners make roles", makers)
    got = named()
    t.ok(b.owner in got if old else b.owner not in got,
         "doctor names who may take the roles by CREATEROLE, up to 15", got)
    t.eq({a.owner, a.worker, b.worker} & set(got), set(),
         "... not the owner, nor who makes none")
    maker = here.role("mkr", "CREATEROLE")
    by = here.role("mkrby", "NOINHERIT")
    sql(here.url, "GRANT %s TO %s" % (maker, by))
    t.eq(code(here.of("postgres", by), "SET ROLE " + maker, "GRANT %s TO %s"
              % (role_of(a.root, "service"), by)), None if old else DENIED,
         "who can enter a login that makes roles has what it has")
    sql(here.url, "REVOKE %s FROM %s" % (role_of(a.root, "service"), by))
    t.eq({maker, by} & set(named()), {maker, by} if old else set(),
         "... and is named")
    for name in makers + [maker]:
        sql(here.url, "ALTER ROLE %s NOCREATEROLE" % name)
    t.eq(named(), set(), "nobody makes roles: nobody is named")
    sql(here.url, "GRANT %s TO %s WITH ADMIN OPTION"
        % (role_of(a.root, "app"), maker))
    t.eq(named(), {maker, by},
         "ADMIN OPTION on a role of ours, in every version")
    sql(here.url, "REVOKE %s FROM %s" % (role_of(a.root, "app"), maker))
    t.eq(named(), set(), "... until it is taken")
    for name in makers:
        sql(here.url, "ALTER ROLE %s CREATEROLE" % name)


def emails(t, here):
    p = Place(here, "em", more=" LC_COLLATE 'C' LC_CTYPE 'C'")
    t.eq(p.migrate("--login", p.worker).returncode, 0, "collation C")
    tenant = p.tenant()
    insert = ("INSERT INTO users (tenant_id, id, email, name, role,"
              " password_hash) VALUES (%s, %s, %s, 'N', 'agent', 'x')")
    for email in ("\u00c9va@x.example", " Bob@X.example "):
        sql(p.root, insert, tenant, str(uuid.uuid4()), email)

    def add(email):
        return run(p.work, "user", "add", "--tenant", tenant, "--email",
                   email, "--name", "N", "--role", "agent")

    def find(email):
        return [r[0] for r in sql(p.root, "SELECT email FROM"
                                  " pytake_user_find(%s)", email)]

    t.eq(find("bob@x.example"), ["Bob@X.example"], "one with blanks is found")
    for taken in ("\u00e9va@x.example", "\u00c9VA@X.EXAMPLE",
                  "E\u0301va@x.example", " \u00e9va@x.example\t",
                  "\u00a0\u00e9va@x.example\u3000", "BOB@x.example"):
        r = add(taken)
        t.ok(r.returncode == 1 and "taken" in r.stderr,
             "taken: " + ascii(taken), r.text)
        t.eq(len(find(taken)), 1, "... and who it is logs in by it")
    for email in ("\u03a3\u03a9@x.example", "\u0416@x.example",
                  "\u1e9e@x.example", "\U00010400@x.example"):
        t.eq(add(" " + email + " ").returncode, 0, "added: " + ascii(email))
        t.eq(find(email.lower()), [email], "... found in lower case")
    r = run(p.work, "user", "deactivate", "--email", " \u00c9VA@x.example")
    t.eq(r.returncode, 0, "deactivate agrees")
    t.eq(find("\u00e9va@x.example"), [], "... and nobody logs in by it")
    t.ok(re.search("(?m)^ok   collation: ", run(p.work, "doctor").stdout),
         "doctor says what the collation folds")


def main(t):
    with cluster.Cluster("roles") as here:
        a = b = None
        for part in (apart, nothing, names, rolling, alone, restored, doctor,
                     emails):
            t.head(part.__name__)
            try:
                if part is apart:
                    a, b = apart(t, here)
                elif part is restored:
                    part(t, here, a)
                elif part in (nothing, doctor):
                    part(t, here, a, b)
                else:
                    part(t, here)
            except Exception as e:
                t.ok(False, part.__name__ + " runs to its end", repr(e))


if __name__ == "__main__":
    tap.run(main)
