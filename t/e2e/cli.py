#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The operator's commands against a real PostgreSQL: see t/lib/cluster.py
for which.  Arguments: the names of tests to run; none: all."""

import hashlib
import http.server
import json
import os
import re
import signal
import socket
import socketserver
import stat
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import psycopg2.extensions

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cluster  # noqa: E402
import procs  # noqa: E402
import tap  # noqa: E402
from cluster import TOP, connect, one, role_of, sql  # noqa: E402

PYTAKE = cluster.pytake()
SCHEMA = os.path.join(TOP, "schema", "migrations", "0012_schema.sql")
KEY = "5f" * 16 + "0123456789abcdef" * 2
SECRET = "q8W2nR7tY4uK1mP6sD9fG3hJ5kL0zXcV"

here = None  # the Cluster
taps = None
tmp = None


def ok(good, name, *notes):
    return taps.ok(good, name, "\n".join(map(str, notes)))


def is_(got, want, name):
    ok(got == want, name, "got:  %r" % (got,), "want: %r" % (want,))


def like(text, pattern, name):
    ok(re.search(pattern, text) is not None, name, "got:  %r" % text,
       "want: %s" % pattern)


def environment(**more):
    env = {k: v for k, v in os.environ.items()
           if not re.match(r"(DATABASE|DB|REDIS|JWT|WHATSAPP|WEBSOCKET|CORS"
                           r"|LOG|PYTAKE)_", k) and k != "PYTAKE"}
    env.update(more)
    return env


class Result:
    def __init__(self, p):
        self.rc, self.out, self.err = p.returncode, p.stdout, p.stderr
        self.all = self.out + self.err


def run(*args, url=None, stdin="", **env):
    if url is not None:
        env["DATABASE_URL"] = url
    return Result(subprocess.run([PYTAKE, *args], input=stdin, timeout=60,
                                 capture_output=True, text=True,
                                 env=environment(**env)))


def migrated():
    url = here.database()
    r = run("migrate", url=url)
    if r.rc != 0:
        raise RuntimeError("migrate failed: " + r.all)
    return url


def until(what, seconds=20):
    """Waits for a condition; what() is asked until it is true."""
    try:
        procs.wait_until(what, seconds)
    except Exception:
        return False
    return True


# ---- the program ----

def test_program():
    r = run("version")
    is_(r.rc, 0, "version")
    like(r.out, r"^pytake \d+\.\d+\.\d+, schema \d{4}\n$", "version's line")
    is_(run("help").rc, 0, "help")
    is_(run().rc, 64, "no command is a usage fault")
    r = run("frobnicate")
    is_(r.rc, 64, "unknown command")
    like(r.err, r'^pytake: unknown command "frobnicate"[^\n]*\n$',
         "... in one line")
    r = run("migrate", "--fast")
    is_(r.rc, 64, "unknown option")
    r = run("user", "add", "--email")
    is_(r.rc, 64, "option without its value")


# ---- environment ----

BAD = [
    ("DATABASE_URL", "postgres//x"),
    ("DB_PORT", "0"), ("DB_PORT", "5432,x"),
    ("REDIS_URL", "http://x"), ("REDIS_URL", "redis://x:99999"),
    ("REDIS_URL", "redis://x/abc"), ("REDIS_URL", "unix://relative"),
    ("REDIS_PORT", "six"), ("REDIS_HOST", "a b"),
    ("JWT_SECRET", "short"),
    ("JWT_EXPIRY", "24"), ("JWT_EXPIRY", "0h"), ("JWT_EXPIRY", "h"),
    ("JWT_EXPIRY", "1h30m"), ("JWT_EXPIRY", "999999d"),
    ("JWT_REFRESH_EXPIRY", "-1h"), ("JWT_REFRESH_EXPIRY", "1h"),
    ("WHATSAPP_API_URL", "graph.facebook.com"),
    ("WHATSAPP_API_URL", "ftp://x/v23.0"),
    ("WHATSAPP_API_URL", "https://x/v23.0?a=b"),
    ("WEBSOCKET_ENABLED", "maybe"),
    ("WEBSOCKET_ALLOWED_ORIGINS", "app.example"),
    ("WEBSOCKET_ALLOWED_ORIGINS", "https://a.example,https://b/c"),
    ("WEBSOCKET_PING_INTERVAL", "30"),
    ("WEBSOCKET_PONG_TIMEOUT", "10s"),
    ("CORS_ENABLED", "2"),
    ("PYTAKE_STATUS_URL", "127.0.0.1:8080"), ("PYTAKE_STATUS_URL", "no"),
    ("PYTAKE_STATUS_URL", "ftp://x/"), ("PYTAKE_STATUS_URL", "http://"),
    ("LOG_LEVEL", "loud"),
    ("PYTAKE_ENCRYPTION_KEY", "abc"),
    ("PYTAKE_ENCRYPTION_KEY", "0" * 63),
    ("JWT_SECRET_FILE", "/nonexistent/secret"),
    ("DB_PASSWORD_FILE", "/nonexistent/secret"),
]


def test_environment():
    for name, value in BAD:
        env = {name: value}
        if name.startswith("DB_"):
            env.setdefault("DB_HOST", "127.0.0.1")
        elif name != "DATABASE_URL":
            env["DATABASE_URL"] = here.url
        if name == "REDIS_PORT":
            env["REDIS_HOST"] = "127.0.0.1"
        r = run("user", "list", **env)
        ok(r.rc == 78 and name in r.err and r.err.count("\n") == 1,
           "%s=%s is named, exit 78" % (name, value[:30]), r.rc, r.err)

    for env, name in (({}, "DATABASE_URL"), ({"DB_NAME": "x"}, "DB_HOST"),
                      ({"DATABASE_URL": ""}, "DATABASE_URL")):
        r = run("user", "list", **env)
        ok(r.rc == 78 and name in r.err, "without %s: named" % name, r.err)

    path = os.path.join(tmp, "secret")
    with open(path, "w") as f:
        f.write("sixteen bytes here, or more\n")
    r = run("user", "list", DATABASE_URL=here.url, JWT_SECRET=SECRET,
            JWT_SECRET_FILE=path)
    ok(r.rc == 78 and "JWT_SECRET_FILE" in r.err, "a secret given twice",
       r.err)

    secret = "do-not-show-this"
    r = run("user", "list", DATABASE_URL="postgres:/" + secret)
    ok(secret not in r.all, "a bad DATABASE_URL is not echoed", r.all)

    open(path, "w").close()
    r = run("user", "list", DATABASE_URL=here.url, JWT_SECRET_FILE=path)
    ok(r.rc == 78 and "empty" in r.err, "an empty secret file", r.err)


def test_environment_good():
    url = migrated()
    dsn = psycopg2.extensions.parse_dsn(url)
    path = os.path.join(tmp, "password")
    with open(path, "w") as f:
        f.write(dsn.get("password", "it's \\ any'thing") + "\n")
    r = run("tenant", "list", DB_HOST=dsn.get("host", "/var/run/postgresql"),
            DB_PORT=dsn.get("port", "5432"), DB_NAME=dsn["dbname"],
            DB_USER=dsn["user"], DB_PASSWORD_FILE=path,
            REDIS_HOST="127.0.0.1", REDIS_PASSWORD="a/b@c:d",
            JWT_EXPIRY="15m", JWT_REFRESH_EXPIRY="7d",
            WEBSOCKET_ALLOWED_ORIGINS="https://a.example, http://b:3001",
            PYTAKE_ENCRYPTION_KEY="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
                                  "Hh8=", LOG_LEVEL="warn")
    is_((r.rc, r.err), (0, ""), "DB_* by parts, the rest in good forms")

    with open(path, "w") as f:
        f.write(url + "\n")
    is_(run("tenant", "list", DATABASE_URL_FILE=path).rc, 0,
        "DATABASE_URL_FILE")
    r = run("tenant", "list", "--database-url", url,
            DATABASE_URL="postgresql://nobody@127.0.0.1:1/x")
    is_(r.rc, 0, "--database-url comes first")


# ---- migrate ----

def test_migrate():
    url = here.database()
    r = run("migrate", "status", url=url)
    is_(r.rc, 0, "status of an empty database")
    like(r.out, r"(?m)^0012 schema +pending$", "... pending")

    r = run("migrate", "--dry-run", url=url)
    like(r.out, r"would apply 0012_schema\.sql", "dry run tells")
    is_(one(url, "SELECT count(*) FROM pg_class WHERE relnamespace ="
            " 'public'::regnamespace"), 0, "... and changes nothing")

    r = run("migrate", url=url)
    is_(r.rc, 0, "migrate")
    like(r.out, r"applied 0012_schema\.sql \(\d+ ms\)", "... applied")
    r = run("migrate", url=url)
    is_((r.rc, r.err), (0, ""), "migrate again")
    like(r.out, r"nothing to do", "... has nothing to do")

    r = run("migrate", "status", url=url)
    like(r.out, r"(?m)^0012 schema +applied \S+Z \(\d+ ms\)$",
         "status: applied")
    like(r.out, r"the schema is current\n\Z", "... current")

    row = sql(url, "SELECT version, name, checksum, duration_ms"
              " FROM schema_migrations")[0]
    with open(SCHEMA, "rb") as f:
        want = hashlib.sha256(f.read()).hexdigest()
    is_(row[:3], (12, "schema", want), "the row: SHA-256 of the file")


def test_migrate_refuses():
    url = migrated()
    sql(url, "UPDATE schema_migrations SET checksum = repeat('0', 64)"
        " WHERE version = 12")
    r = run("migrate", url=url)
    is_(r.rc, 1, "a changed checksum is refused")
    like(r.err, r"^pytake: 0012_schema\.sql was changed [^\n]*\n$",
         "... in one line that names the file")
    is_(run("migrate", "status", url=url).rc, 1, "... by status, too")

    url = migrated()
    newest = one(url, "SELECT max(version) FROM schema_migrations")
    sql(url, "INSERT INTO schema_migrations VALUES (%s, 'later', 'x', now(),"
        " 1)", newest + 1)
    r = run("migrate", url=url)
    is_(r.rc, 1, "a newer database is refused")
    like(r.err, r"^pytake: [^\n]*newer[^\n]*\n$", "... in one line")

    url = migrated()
    sql(url, "UPDATE schema_migrations SET version = 0 WHERE version = 12")
    r = run("migrate", url=url)
    is_(r.rc, 1, "a migration that we do not know is refused")
    like(r.err, r"^pytake: [^\n]*0000[^\n]*\n$", "... in one line")
    sql(url, "DELETE FROM schema_migrations WHERE version = 0")
    r = run("migrate", url=url)
    is_(r.rc, 1, "a row that is gone is no licence to run it again")
    like(r.err, r"^pytake: 0012_schema\.sql[^\n]*\n$", "... named")


def test_migrate_failing():
    url = here.database()
    sql(url, "CREATE TABLE contacts (x int)")
    r = run("migrate", url=url)
    is_(r.rc, 1, "failing SQL")
    m = re.match(r"^pytake: 0012_schema\.sql:(\d+): [^\n]*contacts"
                 r"[^\n]*42P07[^\n]*\n$", r.err)
    ok(m, "... names file, line and state", r.err)
    if m:
        with open(SCHEMA) as f:
            line = f.read().split("\n")[int(m.group(1)) - 1]
        like(line, "CREATE TABLE contacts", "... and the line is the one")
    is_(one(url, "SELECT count(*) FROM schema_migrations"), 0,
        "... nothing is recorded")
    is_(one(url, "SELECT to_regclass('tenants')"), None,
        "... nothing is kept")


def test_migrate_two():
    url = here.database()
    holder = connect(url)
    holder.cursor().execute("SELECT pg_advisory_lock(7305808)")
    ps = [subprocess.Popen([PYTAKE, "migrate"], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True,
                           env=environment(DATABASE_URL=url))
          for _ in range(2)]
    waiting = until(lambda: one(
        url, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        " AND NOT granted") == 2)
    ok(waiting, "two runners wait for the lock")
    holder.close()
    outs = [p.communicate(timeout=60) for p in ps]
    is_([p.returncode for p in ps], [0, 0], "both end well")
    is_(sorted("applied 0012" in o for o, _ in outs), [False, True],
        "one of them applied it")
    ok(all("waiting for it" in e for _, e in outs), "both said why they wait",
       outs)


def owned(name):
    """A login that is no superuser, and the address of its database."""
    owner = here.role(name, "CREATEROLE")
    return owner, here.database(owner=owner)


def test_migrate_owner():
    """Managed PostgreSQL gives no superuser."""
    owner, url = owned("owner")
    r = run("migrate", url=url)
    is_((r.rc, r.err), (0, ""), "an owner with CREATEROLE migrates")
    is_(run("migrate", url=url).rc, 0, "... and again")
    is_(run("tenant", "add", "--name", "T", url=url).rc, 0,
        "... adds a tenant")
    r = run("user", "add", "--tenant", "T", "--email", "a@b.example",
            "--name", "A", "--role", "agent", url=url)
    is_(r.rc, 0, "... and a user")
    is_(one(url, "SELECT count(*) FROM users"), 1,
        "... and sees its own rows under forced row security")
    like(run("partitions", url=url).out, r"^\d+ made, \d+ dropped\n$",
         "... keeps partitions")
    r = run("doctor", url=url)
    like(r.out, r"(?m)^ok   %s: can be entered$" % role_of(url, "app"),
         "... may enter the roles")

    # only the members of the roles: neither owner nor superuser
    login = here.role("login", "NOINHERIT")
    r = run("migrate", "--login", login, url=url)
    is_((r.rc, r.err), (0, ""), "... grants the roles to a login")
    url = here.of(here.databases[-1], login)
    r = run("user", "list", url=url)
    is_((r.rc, r.out.count("\n")), (0, 1), "a mere login lists users")
    like(run("doctor", url=url).out, r"(?m)^ok   migrations: ",
         "... and its doctor sees the migrations")


def test_away():
    r = run("migrate", url="postgresql://x@127.0.0.1:1/x")
    is_(r.rc, 1, "no server")
    like(r.err, r"^pytake: [^\n]*127\.0\.0\.1[^\n]*DATABASE_URL[^\n]*\n$",
         "... one line that says what to look at")
    hole = socket.create_server(("127.0.0.1", 0))
    began = time.monotonic()
    r = run("migrate", url="postgresql://x@127.0.0.1:%d/x"
            % hole.getsockname()[1])
    hole.close()
    is_(r.rc, 1, "a server that accepts and never answers")
    like(r.err, "does not answer", "... is told so")
    ok(time.monotonic() - began < 10, "... soon")
    r = run("user", "list", url=here.database())
    like(r.err, r"pytake migrate", "an empty database: what to run")


# ---- tenants, users, numbers ----

def session(url, email):
    sid = str(uuid.uuid4())
    sql(url, "INSERT INTO sessions (id, tenant_id, user_id, expires_at)"
        " SELECT %s, tenant_id, id, now() + interval '1 day' FROM users"
        " WHERE email = %s", sid, email)
    return sid


def alive(url, sid):
    return one(url, "SELECT pytake_session_enter(tenant_id, id, user_id)"
               " FROM sessions WHERE id = %s", sid)


def test_users():
    url = migrated()
    r = run("tenant", "add", "--name", "Café Ação", url=url)
    is_(r.rc, 0, "tenant add")
    tenant = r.out.split()[0]
    is_(one(url, "SELECT seq FROM tenant_event_head WHERE tenant_id = %s",
            tenant), 0, "... has its event head")
    like(run("tenant", "list", url=url).out, tenant + " active +Café Ação",
         "tenant list")

    def add(email, *more, tenant="Café Ação", role="agent", **kw):
        return run("user", "add", "--tenant", tenant, "--email", email,
                   "--name", "Zé", "--role", role, *more, url=url, **kw)

    r = add("Ze@example.com")
    is_(r.rc, 0, "user add")
    like(r.out, r"(?m)^password: \w{20}$", "... makes a password")
    r = add("b@example.com", "--password-stdin", tenant=tenant,
            stdin="correct horse battery\n")
    is_((r.rc, "password" in r.out), (0, False), "... or takes one")
    is_(sql(url, "SELECT count(*), bool_and(password_hash LIKE"
            " '$argon2id$v=19$m=19456,t=2,p=1$%%') FROM users")[0],
        (2, True), "argon2id, 19 MiB, 2 passes, 1 lane")

    for r, what, name in (
            (add("ZE@EXAMPLE.COM"), "taken", "an e-mail in other case"),
            (add("c@example.com", role="boss"), "--role", "unknown role"),
            (add("c.example.com"), "--email", "no e-mail"),
            (add("c@example.com", tenant="Nobody"), "no tenant",
             "unknown tenant"),
            (add("c@example.com", "--password-stdin", stdin="short\n"),
             "10 bytes", "short password")):
        ok(r.rc in (1, 64) and what in r.err and r.err.count("\n") == 1,
           name + " is refused", r.err)
    is_(one(url, "SELECT count(*) FROM users"), 2, "... nobody was added")

    first, second = session(url, "Ze@example.com"), session(
        url, "b@example.com")
    ok(alive(url, first) and alive(url, second), "two sessions live")
    is_(run("user", "deactivate", "--email", "ze@example.com", url=url).rc,
        0, "user deactivate")
    is_((alive(url, first), alive(url, second)), (False, True),
        "... ends that user's sessions at once")
    is_(sql(url, "SELECT count(*) FROM pytake_user_find('ze@example.com')"),
        [(0,)], "... and login finds nobody")
    like(run("user", "list", url=url).out, r"(?m)inactive Ze@example\.com",
         "user list shows it")
    is_(run("user", "activate", "--email", "ze@example.com", url=url).rc, 0,
        "user activate")
    is_((alive(url, first), one(
        url, "SELECT count(*) FROM pytake_user_find('ze@example.com')")),
        (False, 1), "... login again, old sessions stay ended")

    before = one(url, "SELECT password_hash FROM users WHERE email ="
                 " 'b@example.com'")
    is_(run("user", "password", "--email", "b@example.com",
            "--password-stdin", url=url, stdin="another good one").rc, 0,
        "user password")
    ok(before != one(url, "SELECT password_hash FROM users WHERE email ="
                     " 'b@example.com'"), "... is another")
    is_(alive(url, second), False, "... and ended the sessions")
    is_(run("user", "password", "--email", "x@example.com", url=url).rc, 1,
        "unknown user")
    is_([r[0] for r in sql(url, "SELECT action FROM audit_log ORDER BY id")],
        ["tenant.add", "user.add", "user.add", "user.deactivate",
         "user.activate", "user.password"], "all of it is in the audit log")


def test_numbers():
    url = migrated()
    run("tenant", "add", "--name", "T", url=url)
    token = "EAAGm0PX4ZCpsBA"
    path = os.path.join(tmp, "token")
    with open(path, "w") as f:
        f.write(token + "\n")

    def add(*more, **env):
        return run("number", "add", "--tenant", "T", "--phone-number-id",
                   "106540352242922", "--display", "+1 202-555-0199",
                   *more, url=url, **env)

    r = add("--token-file", path)
    ok(r.rc == 78 and "PYTAKE_ENCRYPTION_KEY" in r.err,
       "a token needs the key", r.err)
    r = add("--token-file", path, "--waba", "2", PYTAKE_ENCRYPTION_KEY=KEY)
    is_((r.rc, token in r.all), (0, False), "number add")
    tenant, config, sealed = sql(
        url, "SELECT tenant_id, id, access_token_sealed"
        " FROM whatsapp_configs")[0]
    sealed = bytes(sealed)
    ok(token.encode() not in sealed and len(sealed) == 28 + len(token),
       "the token is sealed")
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        aad = uuid.UUID(tenant).bytes + uuid.UUID(config).bytes
        is_(AESGCM(bytes.fromhex(KEY)).decrypt(sealed[:12], sealed[12:], aad),
            token.encode(), "... AES-256-GCM, bound to its row")
    except ImportError:
        ok(True, "... AES-256-GCM, bound to its row # SKIP no cryptography")
    is_(add(PYTAKE_ENCRYPTION_KEY=KEY).rc, 1, "the same number again")
    r = run("number", "add", "--tenant", "T", "--phone-number-id",
            "+12025550199", "--display", "x", url=url)
    is_(r.rc, 64, "a phone instead of its id")

    sql(url, "UPDATE whatsapp_configs SET status = 'stopped'")
    r = run("number", "token", "--phone-number-id", "106540352242922",
            "--token-file", "-", url=url, stdin="NEWTOKEN",
            PYTAKE_ENCRYPTION_KEY=KEY)
    is_(r.rc, 0, "number token")
    is_(sql(url, "SELECT status, length(access_token_sealed)"
            " FROM whatsapp_configs"), [("active", 36)],
        "... starts a stopped number")
    like(run("number", "list", url=url).out,
         r"^\S{36} 106540352242922 active +token +\+1 202-555-0199",
         "number list")


# ---- doctor ----

class Redis(socketserver.ThreadingTCPServer):
    """Says what it is told to."""
    allow_reuse_address = True
    daemon_threads = True
    answer = b"+PONG\r\n"

    def __init__(self):
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                while self.request.recv(4096):
                    self.request.sendall(outer.answer)

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = "redis://127.0.0.1:%d" % self.server_address[1]


class Graph(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404)
        self.end_headers()

    def log_message(self, *args):
        pass


def test_doctor():
    url = migrated()
    worker = here.role("worker", "NOINHERIT")
    is_(run("migrate", "--login", worker, url=url).rc, 0, "a workers' login")
    app = role_of(url, "app")
    redis = Redis()
    graph = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Graph)
    threading.Thread(target=graph.serve_forever, daemon=True).start()
    good = {
        "DATABASE_URL": here.of(here.databases[-1], worker),
        "REDIS_URL": redis.url, "JWT_SECRET": SECRET,
        "WHATSAPP_APP_SECRET": "3f1c9a7be2d84056b1a29c8e7d6f5043",
        "WHATSAPP_WEBHOOK_VERIFY_TOKEN": "kT9vQ2xL7mB4nZ8c",
        "PYTAKE_ENCRYPTION_KEY": KEY,
        "WHATSAPP_API_URL": "http://127.0.0.1:%d/v23.0"
                            % graph.server_address[1],
        "PYTAKE_HUB_SOCKET": os.path.join(tmp, "hub.sock"),
    }

    def look(name, pattern, **env):
        r = run("doctor", **{**good, **env})
        like(r.out, "(?m)^FAIL " + pattern, name)
        is_(r.rc, 1, "... exit 1")
        ok(all(re.match(r"(ok  |warn|FAIL) [^:]+: .|\d+ to repair|all is",
                        line) for line in r.out.splitlines()),
           "... every line has its form", r.out)

    look("no hub", "hub: no answer at .*pytake serve")
    look("no courier", "courier: none is connected .*pytake serve")
    ok("ok   hub: is switched off" in run("doctor", **{
        **good, "WEBSOCKET_ENABLED": "false"}).out, "no hub is wanted")

    # Without Redis: the one above can only say PONG.
    s = Serve(url, "hub,courier",
              **{**good, "REDIS_URL": "redis://127.0.0.1:1"})
    ok(until(lambda: run("doctor", **good).rc == 0), "doctor: hub and courier",
       run("doctor", **good).out, s.lines)
    r = run("doctor", **good)
    is_(r.rc, 0, "doctor: all is well")
    like(r.out, "(?m)^warn hub: has no Redis", "... the hub misses Redis")
    ok("FAIL" not in r.out, "... nothing to repair", r.out)
    for what in ("database", "fsync", "full_page_writes",
                 "synchronous_commit", "clock", "migrations", app,
                 "login", "connect", "members", "inherits", "shared roles",
                 "row-level security", "partition grants", "event_log",
                 "webhook_raw", "messages", "courier", "numbers", "redis",
                 "whatsapp"):
        like(r.out, "(?m)^ok   %s: " % what, "... " + what)

    look("no redis", "redis: no address.*REDIS_URL", REDIS_URL="")
    look("redis away", "redis: ", REDIS_URL="redis://127.0.0.1:1")
    redis.answer = b"-NOAUTH Authentication required.\r\n"
    look("redis wants a password", "redis: .*NOAUTH")
    redis.answer = b"+PONG\r\n"
    look("no JWT_SECRET", "JWT_SECRET: ", JWT_SECRET="")
    look("a JWT_SECRET to guess", "JWT_SECRET: ", JWT_SECRET="a" * 40)
    look("no key", "PYTAKE_ENCRYPTION_KEY: ", PYTAKE_ENCRYPTION_KEY="")
    look("no database", "database: ",
         DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    look("an empty database", "migrations: .*pytake migrate",
         DATABASE_URL=here.database())
    is_(run("doctor", **{**good, "LOG_LEVEL": "x"}).rc, 78,
        "a bad value is a bad value here, too")
    r = run("doctor", **{**good, "WHATSAPP_API_URL":
                         "http://127.0.0.1:1/v23.0"})
    like(r.out, r"(?m)^warn whatsapp: ", "WhatsApp unreachable is a warning")
    is_(r.rc, 0, "... only")

    name = psycopg2.extensions.parse_dsn(url)["dbname"]
    sql(url, "ALTER DATABASE %s SET synchronous_commit = off" % name)
    look("synchronous_commit off", "synchronous_commit: is off")
    sql(url, "ALTER DATABASE %s RESET synchronous_commit" % name)

    sql(url, "ALTER TABLE contacts NO FORCE ROW LEVEL SECURITY")
    look("a table without forced row security",
         "row-level security: contacts ")
    sql(url, "ALTER TABLE contacts FORCE ROW LEVEL SECURITY")

    sql(url, "GRANT SELECT ON messages_default TO " + app)
    look("a grant on a partition", "partition grants: messages_default ")
    sql(url, "REVOKE SELECT ON messages_default FROM " + app)

    day = one(url, "SELECT to_char(now() AT TIME ZONE 'UTC' + interval"
              " '3 days', 'YYYY_MM_DD')")
    sql(url, "DROP TABLE event_log_" + day)
    look("a day is missing", "event_log: has partitions for 2 days")
    month = one(url, "SELECT to_char(date_trunc('month', now() AT TIME ZONE"
                " 'UTC') + interval '1 month', 'YYYY_MM')")
    sql(url, "DROP TABLE messages_" + month)
    look("a month is missing", "messages: messages_%s is missing" % month)
    is_(run("partitions", url=url).out, "2 made, 0 dropped\n",
        "partitions repairs both")
    is_(run("doctor", **good).rc, 0, "doctor is content again")

    run("tenant", "add", "--name", "T", url=url)
    run("number", "add", "--tenant", "T", "--phone-number-id", "1065403522",
        "--display", "+1 202-555-0199", url=url)
    sql(url, "INSERT INTO outbox (tenant_id, message_id, conversation_id,"
        " whatsapp_config_id, next_attempt_at, created_at, claimed_at)"
        " SELECT tenant_id, id, id, id, now() - interval '2 minutes', now(),"
        " now() FROM whatsapp_configs") # claimed: the courier still runs
    is_(run("doctor", **good).rc, 0, "a message in hand is not late")
    is_(s.stop(), 0, "serve ends")
    holder = connect(url, application_name="pytake courier")
    sql(url, "UPDATE outbox SET claimed_at = NULL")
    look("a late reply", r"courier: a reply has been due for \d{3} s")
    sql(url, "UPDATE whatsapp_configs SET status = 'stopped',"
        " status_reason = '{\"code\":190}'")
    look("a stopped number", 'numbers: .*"code":190.* stopped, replies wait')
    sql(url, "DELETE FROM outbox")
    run("number", "token", "--phone-number-id", "1065403522", "--token-file",
        "-", url=url, stdin="token", PYTAKE_ENCRYPTION_KEY=KEY)
    like(run("doctor", **good).out, "(?m)^ok   tokens: ",
         "tokens open with their key")
    look("tokens of another key", "tokens: 1 of 1 .*PYTAKE_ENCRYPTION_KEY",
         PYTAKE_ENCRYPTION_KEY="0" * 64)
    holder.close()

    sql(url, "INSERT INTO schema_migrations SELECT max(version) + 1, 'x',"
        " 'x', now(), 1 FROM schema_migrations")
    look("a newer database", "migrations: .*newer")
    graph.shutdown()
    redis.shutdown()


# ---- demo ----

def test_demo():
    url = migrated()
    state = os.path.join(tmp, "state.json")
    r = run("demo", url=url, PYTAKE_ENCRYPTION_KEY=KEY)
    is_(r.rc, 64, "demo without --state")
    r = run("demo", "--state", state, url=url)
    ok(r.rc == 78 and "PYTAKE_ENCRYPTION_KEY" in r.err,
       "demo without a key", r.err)

    r = run("demo", "--state", state, url=url, PYTAKE_ENCRYPTION_KEY=KEY)
    is_((r.rc, r.err), (0, ""), "demo")
    tenants = json.loads(r.out)
    ok(len(tenants) >= 2, "two tenants")
    ok(all({"id", "name", "whatsapp_config_id", "phone_number_id",
            "display_phone_number", "users", "contacts"} == set(t)
           for t in tenants),
       "... with what demo.json promises, and the simulator's customers")
    is_(sorted(sql(url, "SELECT coalesce(wa_id, username) FROM contacts")),
        sorted((c.get("wa_id") or c["username"],) for t in tenants
               for c in t["contacts"]),
        "... who are the contacts")
    is_(sum(len(c["messages"]) for t in tenants for c in t["contacts"]),
        one(url, "SELECT count(*) FROM messages"),
        "... with all that was said")
    ok(all({u["role"] for u in t["users"]} == {
        "owner", "admin", "supervisor", "agent", "viewer"}
        for t in tenants), "... and every role")
    is_(stat.S_IMODE(os.stat(state).st_mode), 0o600, "the state is private")
    with open(state) as f:
        kept = json.load(f)
    is_(set(kept["access_tokens"]),
        {t["phone_number_id"] for t in tenants}, "... keeps the tokens")

    is_(sql(url, "SELECT tenant_id, count(*), min(seq), max(seq)"
            " FROM event_log GROUP BY 1 HAVING count(*) <> max(seq)"
            " OR min(seq) <> 1"), [], "events are dense")
    is_(one(url, "SELECT count(*) FROM event_log e WHERE (frame::jsonb ->>"
            " 'seq')::bigint <> seq OR frame::jsonb ->> 'id' <> id::text OR"
            " frame::jsonb ->> 'event' <> event OR frame::jsonb ->>"
            " 'conversation_id' <> conversation_id::text"), 0,
        "frames agree with their rows")
    is_(one(url, "SELECT count(*) FROM event_log e JOIN messages m ON m.id ="
            " (frame::jsonb -> 'data' ->> 'id')::uuid WHERE event IN"
            " ('message_received', 'message_sent') AND frame::jsonb -> 'data'"
            " ->> 'content' = m.content"),
        one(url, "SELECT count(*) FROM messages"),
        "every message has its event")
    is_(one(url, "SELECT count(*) FROM outbox"), 0,
        "nothing is left for the courier")
    ok(one(url, "SELECT min(n) FROM (SELECT count(*) n FROM conversations"
           " GROUP BY tenant_id) x") >= 5, "conversations of both")
    is_(one(url, "SELECT count(*) FROM conversation_tags c WHERE NOT EXISTS"
            " (SELECT 1 FROM tags t WHERE t.tenant_id = c.tenant_id"
            " AND t.name = c.tag AND t.color IS NOT NULL)"), 0,
        "every tag of a conversation is one of the list, with a colour")
    is_(sql(url, "SELECT count(*) FROM quick_replies GROUP BY tenant_id"),
        [(5,), (5,)], "five quick replies each")
    is_(one(url, "SELECT count(*) FROM contacts WHERE phone NOT LIKE"
            " '+1___55501__'"), 0, "the phones are fiction")
    is_(one(url, "SELECT count(*) FROM sessions WHERE revoked_at IS NULL"), 0,
        "no session is left open")

    before = one(url, "SELECT count(*) FROM event_log")
    r2 = run("demo", "--state", state, url=url, PYTAKE_ENCRYPTION_KEY=KEY)
    is_((r2.rc, r2.out), (0, r.out), "demo again prints the same")
    is_(one(url, "SELECT count(*) FROM event_log"), before,
        "... and adds nothing")

    other = migrated()
    r3 = run("demo", "--state", state, url=other, PYTAKE_ENCRYPTION_KEY=KEY)

    def passwords(text):
        return [u["password"] for t in json.loads(text) for u in t["users"]]

    is_(passwords(r3.out), passwords(r.out),
        "a new database, the passwords of the state")


# ---- serve ----

class Serve:
    def __init__(self, url, roles="jobs", **env):
        self.lines = []
        self.p = subprocess.Popen(
            [PYTAKE, "serve", "--roles", roles], stderr=subprocess.PIPE,
            text=True, env=environment(**{**env, "DATABASE_URL": url,
                                          "LOG_LEVEL": "info"}))
        self.t = threading.Thread(target=self.read, daemon=True)
        self.t.start()

    def read(self):
        for line in self.p.stderr:
            self.lines.append(line)

    def said(self, text):
        return until(lambda: any(text in s for s in self.lines))

    def stop(self, sig=signal.SIGTERM):
        self.p.send_signal(sig)
        rc = self.p.wait(timeout=20)
        self.t.join(timeout=20)
        return rc


def test_serve():
    url = migrated()
    day = one(url, "SELECT to_char(now() AT TIME ZONE 'UTC' + interval"
              " '5 days', 'YYYY_MM_DD')")
    sql(url, "DROP TABLE event_log_" + day)
    sql(url, "CREATE TABLE event_log_2020_01_01 PARTITION OF event_log FOR"
        " VALUES FROM ('2020-01-01') TO ('2020-01-02')")
    run("tenant", "add", "--name", "Old", url=url)
    sql(url, """
        INSERT INTO webhook_errors (tenant_id, item_hash, raw_id, path, code,
            detail, item, received_at)
        SELECT (SELECT id FROM tenants), int4send(n), gen_random_uuid(), '',
               '', '', '', now() - make_interval(days => CASE WHEN n <= 2500
                   THEN 31 ELSE 29 END) FROM generate_series(1, 2510) n;
        INSERT INTO audit_log (tenant_id, id, action, created_at)
        SELECT (SELECT id FROM tenants), gen_random_uuid(), 'x',
               now() - make_interval(days => d)
        FROM unnest(ARRAY[366, 364]) d;
        INSERT INTO idempotency_keys (tenant_id, scope, key, body_hash,
            status, response, created_at)
        SELECT (SELECT id FROM tenants), 's', h::text, '', 201, '',
               now() - make_interval(hours => h)
        FROM unnest(ARRAY[23, 25]) h;
        INSERT INTO users (tenant_id, id, email, name, role, password_hash)
        SELECT id, id, 'o@x', 'o', 'agent', 'x' FROM tenants;
        INSERT INTO sessions (id, tenant_id, user_id, expires_at)
        SELECT gen_random_uuid(), id, id, now() + make_interval(days => d)
        FROM tenants, unnest(ARRAY[-31, -29, 1]) d;
        INSERT INTO refresh_tokens (token_hash, tenant_id, session_id,
            expires_at)
        SELECT sha256((id::text || d)::bytea), tenant_id, id,
               expires_at - make_interval(days => d)
        FROM sessions, unnest(ARRAY[0, 32]) d""")
    path = os.path.join(tmp, "notify")
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(path)
    notify.settimeout(20)
    s = Serve(url, NOTIFY_SOCKET=path)
    is_(notify.recv(100), b"READY=1", "serve tells that it is ready")
    ok(s.said("raw_day_drop done"), "... runs the partition job at start",
       s.lines)
    is_(one(url, "SELECT to_regclass('event_log_%s') IS NOT NULL" % day),
        True, "... what was missing is there")
    is_(one(url, "SELECT to_regclass('event_log_2020_01_01')"), None,
        "... what is over is gone")
    ok(s.said("audit_trim done"), "... and trims tables", s.lines)
    is_(sql(url, """
        SELECT (SELECT count(*) FROM webhook_errors),
               (SELECT count(*) FROM audit_log WHERE action = 'x'),
               (SELECT string_agg(key, ',') FROM idempotency_keys),
               (SELECT count(*) FROM sessions),
               (SELECT count(*) FROM refresh_tokens)"""),
        [(10, 1, "23", 2, 2)], "... what is over, step by step")
    is_(s.stop(), 0, "SIGTERM ends it with 0")
    is_(notify.recv(100), b"STOPPING=1", "... and it says so")
    ok(until(lambda: one(
        url, "SELECT count(*) FROM pg_stat_activity WHERE datname ="
        " current_database() AND application_name LIKE 'pytake%%'") == 0),
        "... its connections are closed")

    r = run("serve", "--roles", "hubs", url=url)
    is_(r.rc, 64, "an unknown role is a usage fault")
    like(r.err, '"hubs".*jobs, hub or courier', "... told what there is")
    for miss, have in (("JWT_SECRET", "REDIS_URL"),
                       ("REDIS_URL", "JWT_SECRET")):
        r = run("serve", url=url, **{have: {
            "JWT_SECRET": SECRET, "REDIS_URL": "redis://127.0.0.1:1"}[have]})
        is_((r.rc, r.err.count("\n")), (78, 1),
            "a hub without %s: 78, systemd need not try again" % miss)
        like(r.err, miss, "... which the line names")

    hub = {"JWT_SECRET": SECRET, "REDIS_URL": "redis://127.0.0.1:1",
           "PYTAKE_HUB_SOCKET": os.path.join(tmp, "two.sock")}
    s = Serve(url, "hub", **hub)
    ok(s.said("serving: hub"), "a hub", s.lines)
    r = run("serve", "--roles", "hub", url=url, **hub)
    is_(r.rc, 1, "... and no second one on its socket")
    like(r.err, 'two.sock: another "pytake serve" does', "... says why")
    is_(s.stop(), 0, "... the first goes on until it is ended")

    s = Serve(url)
    ok(s.said("serving"), "serve again")
    is_(s.stop(signal.SIGINT), 0, "SIGINT ends it with 0")

    name = here.name()
    s = Serve(here.of(name), "jobs,courier", PYTAKE_ENCRYPTION_KEY=KEY)
    ok(s.said("is away"), "without its database it goes on", s.lines)
    ok(s.said("could not claim (database_unavailable)"),
       "... each part says why", s.lines)
    is_(run("migrate", url=here.create(name)).rc, 0, "... made now")
    ok(s.said("raw_day_drop done"), "... and it does its work", s.lines)
    # Between the database and its roles the reason is another one.
    said = [re.sub(r"^\S+ ", "", x) for x in s.lines if "[warn] pytake: database "
            "connection failed" in x or "[warn] pytake: jobs: " in x]
    ok(0 < len(said) == len(set(said)), "... having said each thing once",
       "".join(s.lines))
    is_(s.stop(), 0, "... and ends well")


def main(t):
    global here, taps, tmp
    taps = t
    with cluster.Cluster("cli") as here, \
            tempfile.TemporaryDirectory(prefix="pytake-cli-") as tmp:
        for name, test in list(globals().items()):
            if name.startswith("test_") and (
                    len(sys.argv) < 2 or name[5:] in sys.argv[1:]):
                t.head(name[5:])
                try:
                    test()
                except Exception as e:
                    ok(False, "%s runs to its end" % name[5:], repr(e))


if __name__ == "__main__":
    tap.run(main)
