# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""A private PyTake: PostgreSQL, Redis and NGINX in a folder of their own.

    with Stack() as s:
        c = s.login(s.tenants[0].agent)
        c.get("/api/v1/conversations")

BUILD names the build folder (build, build-faults, build-asan).  Everything
started here is ended by its pid, whatever happens.
"""

import atexit
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid

import redis as redislib

import conf
import postgres
import procs
import proxy
import wa
import web
from procs import wait_until

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

PASSWORD = "correct horse battery"
# argon2id, m=19456 t=2 p=1, of PASSWORD
PHC = ("$argon2id$v=19$m=19456,t=2,p=1$cHl0YWtlLXRlc3Qtc2FsdA$"
       "ckNHba50u0qH3gd2VqtcjRJpCR7oTAmGbm5f6TZj9RU")

JWT_SECRET = "t-" + "0123456789abcdef" * 4
APP_SECRET = "app-secret-of-the-tests"
OWNER = "pytake_owner"    # migrates
WORKER = "pytake_worker"  # of workers and sidecar
VERIFY_TOKEN = "verify-token-of-the-tests"


def build_dir(name=None):
    path = os.path.join(TOP, name or os.environ.get("BUILD", "build"))
    return os.path.normpath(path)


def sanitizers(folder, leaks):
    """Environment: reports go to files that Stack.log_faults() looks at.
    Leaks: of the sidecar alone.  nginx leaves much to exit(), and LeakSanitizer
    that was preloaded stumbles over modules."""
    path = os.path.join(folder, "reports", "asan")
    return {"ASAN_OPTIONS": "detect_leaks=%d:abort_on_error=0:log_path=%s"
                            % (leaks, path),
            "UBSAN_OPTIONS": "print_stacktrace=1:log_path=" + path}


_tick = [0]
_tick_lock = threading.Lock()


def uuid7():
    with _tick_lock:
        now = max(int(time.time() * 1000), _tick[0])
        _tick[0] = now
    raw = bytearray(now.to_bytes(6, "big") + os.urandom(10))
    raw[6] = 0x70 | raw[6] & 0x0f
    raw[8] = 0x80 | raw[8] & 0x3f
    return str(uuid.UUID(bytes=bytes(raw)))


def uuid_ms(u):
    """The milliseconds inside a version 7 id."""
    return uuid.UUID(u).int >> 80


class Tenant:
    def __init__(self, tid, name):
        self.id = tid
        self.name = name
        self.numbers = []  # (config id, phone_number_id)
        self.users = []

    @property
    def number(self):
        return self.numbers[0][1]

    @property
    def config(self):
        return self.numbers[0][0]

    @property
    def agent(self):
        return next(u for u in self.users if u.role == "agent")


class User:
    def __init__(self, tenant, uid, email, role, name):
        self.tenant, self.id, self.email = tenant, uid, email
        self.role, self.name = role, name
        self.password = PASSWORD


class Nginx:
    def __init__(self, stack):
        self.stack = stack
        self.proc = None
        self.error_log = os.path.join(stack.dir, "nginx", "error.log")
        self.access_log = os.path.join(stack.dir, "nginx", "access.log")

    def env(self):
        env = {k: v for k, v in os.environ.items()
               if k in ("PATH", "LANG", "HOME")}
        env.update(self.stack.env)
        env.update(self.stack.nginx_env)
        env.update(procs.clock())
        if self.stack.asan:
            libs = [subprocess.check_output(
                ["gcc", "-print-file-name=" + n], text=True).strip()
                for n in ("libasan.so", "libubsan.so")]
            env["LD_PRELOAD"] = " ".join(os.path.realpath(p) for p in libs)
            env.update(sanitizers(self.stack.dir, leaks=False))
        return env

    def argv(self, *more):
        root = os.path.join(self.stack.dir, "nginx")
        return ["/usr/sbin/nginx", "-p", root + "/", "-c",
                os.path.join(root, "nginx.conf"), "-e", self.error_log,
                *more]

    def start(self, timeout=30):
        out = open(os.path.join(self.stack.dir, "nginx.out"), "ab")
        self.proc = subprocess.Popen(
            self.argv("-g", "daemon off;"), env=self.env(),
            stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        out.close()

        def ready():
            if self.proc.poll() is not None:
                raise RuntimeError("nginx ended: " + self.words())
            try:
                with socket.create_connection(("127.0.0.1", self.stack.port),
                                              timeout=1):
                    return len(self.workers()) == self.stack.workers
            except OSError:
                return False
        wait_until(ready, timeout, "nginx")

    def words(self):
        text = ""
        for name in (os.path.join(self.stack.dir, "nginx.out"),
                     self.error_log):
            if os.path.exists(name):
                with open(name, errors="replace") as f:
                    text += f.read()[-3000:]
        return text

    def workers(self, exiting=None):
        """Pids of worker processes; exiting True/False narrows."""
        out = []
        for pid in procs.children(self.proc.pid):
            name = procs.title(pid)
            if "worker process" not in name:
                continue
            if exiting is None or exiting == ("shutting down" in name):
                out.append(pid)
        return out

    def reload(self, wait=True):
        """SIGHUP; waits until new workers have taken over (old ones may
        still be shutting down).  Gives the old workers' pids."""
        old = self.workers(exiting=False)
        procs.send(self.proc.pid, signal.SIGHUP)
        if wait:
            wait_until(lambda: len(set(self.workers(exiting=False))
                                   - set(old)) >= self.stack.workers
                       and not set(old) & set(self.workers(exiting=False)),
                       30, "new workers")
        return old

    def kill_worker(self, pid=None):
        """SIGKILL; the master makes another."""
        pid = pid or self.workers(exiting=False)[0]
        procs.send(pid, signal.SIGKILL)
        return pid

    def stop(self):
        procs.end(self.proc, signal.SIGTERM, 10)

    def quit(self, timeout=30):
        """Graceful end; True when it ended by itself in time."""
        procs.send(self.proc.pid, signal.SIGQUIT)
        try:
            self.proc.wait(timeout)
            return True
        except subprocess.TimeoutExpired:
            return False

    def log_text(self):
        try:
            with open(self.error_log, errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def log_lines(self, pattern):
        return [line for line in self.log_text().splitlines()
                if re.search(pattern, line)]


class Serve:
    """pytake serve, with the roles and environment given; build: another
    build folder's than the stack's (build-asan: reports end up in its
    logs)."""

    def __init__(self, stack, roles="hub,jobs", env=None, name="serve",
                 build=None):
        self.stack, self.roles, self.name = stack, roles, name
        self.build = stack.build if build is None else build_dir(build)
        self.more = dict(env or {})
        self.proc = None
        # Not among PostgreSQL's, whose folder is another user's.
        self.socket = os.path.join(stack.dir, "h", name + ".sock")
        self.log = os.path.join(stack.dir, name + ".log")

    def start(self, wait=True, limit=None):
        os.makedirs(os.path.dirname(self.socket), exist_ok=True)
        os.chmod(os.path.dirname(self.socket), 0o755)
        env = {"PATH": "/usr/bin:/bin", "PYTAKE_HUB_SOCKET": self.socket,
               **procs.clock()}
        if os.geteuid() == 0:
            env["PYTAKE_HUB_GROUP"] = "www-data"
        if "asan" in os.path.basename(self.build):
            env.update(sanitizers(self.stack.dir, leaks=True))
        env.update(self.stack.env)
        env.update(self.more)
        argv = [os.path.join(self.build, "pytake"), "serve", "--roles",
                self.roles]
        if limit is not None:
            argv = ["prlimit", "--nofile=%d" % limit, *argv]
        out = open(self.log, "ab")
        self.proc = subprocess.Popen(argv, env=env, stdout=out, stderr=out,
                                     stdin=subprocess.DEVNULL)
        out.close()
        if wait and "hub" in self.roles:
            wait_until(self.ready, 20, "pytake serve")

    def ready(self):
        if self.proc.poll() is not None:
            raise RuntimeError("serve ended: " + self.words())
        try:
            return self.ask("GET", "/health").startswith("HTTP/1.1 200")
        except OSError:
            return False

    def ask(self, method, path):
        """One request on the hub's socket; the whole answer."""
        with socket.socket(socket.AF_UNIX) as c:
            c.settimeout(5)
            c.connect(self.socket)
            c.sendall(("%s %s HTTP/1.1\r\nHost: hub\r\n\r\n"
                       % (method, path)).encode())
            out = b""
            while True:
                part = c.recv(65536)
                if not part:
                    return out.decode()
                out += part

    def metric(self, prefix):
        total = 0.0
        for line in self.ask("GET", "/metrics").split("\r\n\r\n", 1)[
                1].splitlines():
            if line.startswith(prefix):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def words(self):
        with open(self.log, errors="replace") as f:
            return f.read()[-3000:]

    def kill(self):
        procs.send(self.proc.pid, signal.SIGKILL)
        self.proc.wait()

    def stop(self, timeout=20):
        procs.end(self.proc, signal.SIGTERM, timeout)


class Stack:
    def __init__(self, build=None, workers=2, pg_proxy=False,
                 redis_proxy=False, pg_ssl=False, pg_settings=None,
                 nginx_env=None, database_options="", conf_edit=None,
                 tenants=2, quiet=True, web=False):
        """pg_proxy, redis_proxy: the stack reaches them through s.pg_proxy,
        s.redis_proxy.  nginx_env: more environment (fault points).
        database_options: "?sslmode=require".  conf_edit(text) changes
        nginx.conf before it is written.  web: NGINX serves the browser
        inbox, too, which "tools/web build" made."""
        self.build = build_dir(build)
        self.asan = "asan" in os.path.basename(self.build)
        self.workers = workers
        self.want_pg_proxy = pg_proxy
        self.want_redis_proxy = redis_proxy
        self.database_options = database_options
        self.conf_edit = conf_edit
        self.want_tenants = tenants
        self.nginx_env = dict(nginx_env or {})
        self.jwt_secret = JWT_SECRET
        self.app_secret = APP_SECRET
        self.verify_token = VERIFY_TOKEN
        self.tenants = []
        self.env = {}
        self.pg_proxy = self.redis_proxy = self.redis_proc = None
        self.serves = []
        self.stopped = False
        self.dir = tempfile.mkdtemp(prefix="pt-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        # Reports are written by whoever the fault is in.
        os.mkdir(os.path.join(self.dir, "reports"))
        os.chmod(os.path.join(self.dir, "reports"), 0o1777)
        self.port = procs.free_port()
        self.web = os.path.join(self.dir, "web") if web else None
        self.pg = postgres.Postgres(
            self.dir, os.path.join(TOP, "build", "t", "cache"), ssl=pg_ssl,
            settings=pg_settings)
        self.nginx = Nginx(self)
        atexit.register(self.stop)

    # -- life --

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.stop(keep=kind is not None)

    def start(self):
        module = os.path.join(self.build, "ngx_http_pytake_module.so")
        for path in (module, self.tool("pytake")):
            if not os.path.exists(path):
                raise RuntimeError("%s is missing: make BUILD=%s"
                                   % (path, os.path.basename(self.build)))
        self.pg.create()
        self.pg.start(wait=False)
        self.start_redis()
        self.pg.wait()
        db = self.pg.connect("postgres")
        for text in ("CREATE ROLE %s LOGIN CREATEROLE" % OWNER,
                     "CREATE ROLE %s LOGIN NOINHERIT" % WORKER,
                     "GRANT %s TO %s%s" % (
                         WORKER, OWNER, " WITH INHERIT TRUE, SET FALSE"
                         if db.server_version >= 160000 else ""),
                     "CREATE DATABASE pytake OWNER " + OWNER):
            db.cursor().execute(text)
        db.close()
        if self.want_pg_proxy:
            self.pg_proxy = proxy.Proxy(self.pg.port)
        if self.want_redis_proxy:
            self.redis_proxy = proxy.Proxy(self.redis_port)
        self.database_url = self.pg.url(
            self.pg_proxy.port if self.pg_proxy else None,
            options=self.database_options, user=WORKER)
        self.redis_url = ("redis://127.0.0.1:%d/0" % (
            self.redis_proxy.port if self.redis_proxy else self.redis_port))
        self.env = {
            "DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url,
            "JWT_SECRET": self.jwt_secret,
            "WHATSAPP_APP_SECRET": self.app_secret,
            "WHATSAPP_WEBHOOK_VERIFY_TOKEN": self.verify_token,
            "PYTAKE_ENCRYPTION_KEY": "00112233445566778899aabbccddeeff" * 2,
        }
        self.pytake("migrate", "--login", WORKER)
        for i in range(self.want_tenants):
            self.add_tenant("Tenant %d" % (i + 1))
        if self.web is not None:
            subprocess.check_call([os.path.join(TOP, "tools", "web"),
                                   "install", self.web])
        conf.write(self)
        self.nginx.start()

    def stop(self, keep=False):
        if self.stopped:
            return
        self.stopped = True
        self.nginx.stop()
        for p in self.serves:
            p.stop()
        procs.end(self.redis_proc, signal.SIGTERM)
        self.pg.stop()
        for p in (self.pg_proxy, self.redis_proxy):
            if p is not None:
                p.close()
        if os.environ.get("PYTAKE_KEEP"):
            print("# kept: " + self.dir, flush=True)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def tool(self, name):
        return os.path.join(self.build, name)

    def pytake(self, *args, check=True):
        """Runs the program; its standard output."""
        env = dict(procs.clock(), PATH="/usr/bin:/bin")
        env.update(self.env)
        env["DATABASE_URL"] = self.pg.url(
            user=OWNER if args[0] in ("migrate", "backup", "restore")
            else WORKER)
        if self.asan:
            env["ASAN_OPTIONS"] = "detect_leaks=0"
        p = subprocess.run([self.tool("pytake"), *args], env=env, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if check and p.returncode != 0:
            raise RuntimeError("pytake %s: %d\n%s" % (" ".join(args),
                               p.returncode, p.stdout + p.stderr))
        return p.stdout

    def serve(self, **more):
        """Starts pytake serve; Serve()'s arguments."""
        limit = more.pop("limit", None)
        p = Serve(self, **more)
        self.serves.append(p)
        p.start(limit=limit)
        return p

    # -- redis --

    def start_redis(self):
        if not hasattr(self, "redis_port"):
            self.redis_port = procs.free_port()
        out = open(os.path.join(self.dir, "redis.log"), "ab")
        self.redis_proc = subprocess.Popen(
            ["redis-server", "--port", str(self.redis_port), "--bind",
             "127.0.0.1", "--save", "", "--appendonly", "no", "--dir",
             self.dir], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        out.close()

        def ready():
            try:
                return self.redis().ping()
            except redislib.RedisError:
                return False
        wait_until(ready, 10, "Redis")

    def stop_redis(self):
        procs.end(self.redis_proc, signal.SIGKILL)

    def redis(self):
        return redislib.Redis(port=self.redis_port)

    # -- data --

    def sql(self, query, args=None):
        return self.pg.sql(query, args)

    def one(self, query, args=None):
        return self.pg.one(query, args)

    def add_tenant(self, name, roles=("owner", "agent"), numbers=1):
        if any(t.name == name for t in self.tenants):
            name = "%s %d" % (name, len(self.tenants))
        t = Tenant(uuid7(), name)
        self.sql("INSERT INTO tenants (id, name) VALUES (%s, %s)",
                 (t.id, name))
        for _ in range(numbers):
            self.add_number(t)
        for role in roles:
            self.add_user(t, role)
        self.tenants.append(t)
        return t

    def add_number(self, t, status="active"):
        cid = uuid7()
        number = str(10 ** 14 + uuid.UUID(cid).int % 10 ** 14)
        self.sql("INSERT INTO whatsapp_configs (tenant_id, id, name, "
                 "phone_number_id, waba_id, display_phone_number, status) "
                 "VALUES (%s, %s, %s, %s, %s, %s, %s)",
                 (t.id, cid, "Line %d" % (len(t.numbers) + 1), number,
                  "waba" + number, "+1 555 " + number[-7:], status))
        t.numbers.append((cid, number))
        return cid, number

    def add_user(self, t, role="agent"):
        uid = uuid7()
        u = User(t, uid, "%s.%s@example.test" % (role, uid[-12:]), role,
                 role.capitalize() + " " + uid[-4:])
        self.sql("INSERT INTO users (tenant_id, id, email, name, role, "
                 "password_hash) VALUES (%s, %s, %s, %s, %s, %s)",
                 (t.id, u.id, u.email, u.name, role, PHC))
        t.users.append(u)
        return u

    def add_contact(self, t, name="Ann", phone=None):
        cid = uuid7()
        phone = phone or wa.phone()
        self.sql("INSERT INTO contacts (tenant_id, id, name, profile_name, "
                 "phone, wa_id) VALUES (%s, %s, %s, %s, %s, %s)",
                 (t.id, cid, name, name, "+" + phone, phone))
        self.sql("INSERT INTO contact_identities (tenant_id, kind, value, "
                 "contact_id) VALUES (%s, 'phone', %s, %s)",
                 (t.id, phone, cid))
        return cid

    def add_conversations(self, t, n, status="active"):
        """n conversations by SQL, an hour to n seconds ago; their ids,
        newest activity first."""
        rows = self.sql("""
            WITH g AS (SELECT i, gen_random_uuid() AS k FROM
                       generate_series(1, %(n)s) i),
            c AS (INSERT INTO contacts (tenant_id, id, name, profile_name)
                  SELECT %(t)s, k, 'Bulk ' || i, 'Bulk ' || i FROM g),
            v AS (SELECT i, k, now() - interval '1 hour'
                         - make_interval(secs => i / 4) AS at FROM g)
            INSERT INTO conversations (tenant_id, id, contact_id,
                whatsapp_config_id, status, activity_at, created_at,
                updated_at)
            SELECT %(t)s, (lpad(to_hex((extract(epoch FROM at) * 1000
                   )::bigint), 12, '0') || '7000' || '8' || right(
                   replace(k::text, '-', ''), 15))::uuid, k, %(c)s, %(s)s,
                   at, at, at FROM v RETURNING id::text, activity_at
            """, {"n": n, "t": t.id, "c": t.config, "s": status})
        rows.sort(key=lambda r: (r[1], r[0]), reverse=True)
        return [r[0] for r in rows]

    # -- HTTP --

    def client(self, token=None, timeout=20.0):
        return web.Client(self.port, token, timeout)

    def login(self, user, timeout=20.0):
        """A client with the user's token."""
        c = self.client(timeout=timeout)
        r = patient(lambda: c.post("/api/v1/auth/login", {
            "email": user.email, "password": user.password}))
        if r.status != 200:
            raise RuntimeError("login: %r" % r)
        c.token = r.json["access_token"]
        c.refresh_token = r.json["refresh_token"]
        c.user = user
        return c

    def token(self, user, sid=None, lifetime=3600, header=None, secret=None,
              drop=(), **claims):
        """A token of our own making, and (sid None) the session for it."""
        if sid is None:
            sid = uuid7()
            self.sql("INSERT INTO sessions (id, tenant_id, user_id, "
                     "expires_at) VALUES (%s, %s, %s, now() + "
                     "interval '1 day')", (sid, user.tenant.id, user.id))
        now = int(time.time())
        body = {"sub": user.id, "tenant_id": user.tenant.id,
                "role": user.role, "sid": sid, "iat": now,
                "exp": now + lifetime, "jti": uuid7(), "iss": "pytake",
                "aud": "pytake"}
        body.update(claims)
        for k in drop:
            body.pop(k)
        return jwt(body, header, self.jwt_secret if secret is None
                   else secret)

    def hook(self, obj, conn=None, sign=True, headers=None, timeout=20.0):
        """Signs and posts a webhook body (an object, or bytes as they
        are)."""
        raw = obj if isinstance(obj, bytes) else wa.dump(obj)
        h = {"Content-Type": "application/json"}
        if sign is True:
            h["X-Hub-Signature-256"] = wa.sign(self.app_secret, raw)
        elif sign:
            h["X-Hub-Signature-256"] = sign
        h.update(headers or {})
        if conn is not None:
            return conn.request("POST", "/api/v1/webhooks/whatsapp", h, raw)
        c = getattr(self, "_hook", None)
        if c is None:
            c = self._hook = self.client(timeout=timeout)
        return c.request("POST", "/api/v1/webhooks/whatsapp", body=raw,
                         headers=h)

    def say(self, t, sender, body="hello", mid=None, **more):
        """One inbound text; its wamid.  Must be acknowledged."""
        m = wa.text(sender, body, mid, **more)
        r = patient(lambda: self.hook(wa.body(wa.value(t.number, [m]))))
        if r.status != 200:
            raise RuntimeError("webhook: %r" % r)
        return m["id"]

    def metrics(self):
        """Prometheus text as {name{labels}: value}."""
        out = {}
        for line in self.client().get("/metrics").body.decode().splitlines():
            if line and not line.startswith("#"):
                k, _, v = line.rpartition(" ")
                out[k] = float(v)
        return out

    def metric(self, prefix):
        """The sum of every sample whose name begins so."""
        return sum(v for k, v in self.metrics().items()
                   if k.startswith(prefix))

    # -- faults in the logs --

    def log_faults(self):
        """Lines that must never be: alerts, emergencies, dead workers,
        sanitizer reports.  Workers that a test itself killed are reported
        as "exited on signal 9", which is left out."""
        bad = [line for line in self.nginx.log_lines(
            r"\[(alert|emerg|crit)\]|open socket|Sanitizer|"
            r"runtime error|count is zero")
            if not re.search(r"exited on signal 9\b", line)]
        reports = os.path.join(self.dir, "reports")
        for name in sorted(os.listdir(reports)):
            fd = os.open(os.path.join(reports, name),
                         os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(fd, errors="replace") as f:
                bad.append("%s: %s" % (name, f.read()[:6000]))
        return bad

    def check_logs(self, t, name="no alert, no emergency, no sanitizer "
                                 "report in the logs"):
        bad = self.log_faults()
        return t.ok(not bad, name, lambda: "\n".join(bad[:20]))

    def check_private(self, t):
        """No secret, no phone number and nothing that anybody said.  The
        stack logs all (conf.log_all)."""
        secrets = {self.jwt_secret, self.app_secret, self.verify_token,
                   PASSWORD, "eyJhbGciOi"}
        rows = self.sql("SELECT wa_id FROM contacts UNION "
                        "SELECT left(content, 100) FROM messages")
        secrets.update(r[0] for r in rows if r[0] and len(r[0]) >= 8)
        with open(self.nginx.access_log, errors="replace") as f:
            text = f.read() + self.nginx.log_text()
        found = sorted(x for x in secrets if x in text)
        return t.ok(" [info] " in text and not found, "no secret, no number "
                    "and nothing of %d that was said is in the logs"
                    % len(rows), lambda: "\n".join(found[:20]))

    def check_events(self, t, tenant, name):
        """The tenant's event log is dense from 1 to its head."""
        # One statement, for events may come meanwhile.
        *rows, head = self.sql(
            "SELECT seq, id::text, true FROM event_log WHERE tenant_id ="
            " %(t)s UNION ALL SELECT seq, id::text, false FROM"
            " tenant_event_head WHERE tenant_id = %(t)s ORDER BY 3 DESC, 1",
            {"t": tenant.id})
        seqs = [r[0] for r in rows]
        return t.ok(seqs == list(range(1, head[0] + 1))
                    and (not rows or rows[-1][:2] == head[:2]), name,
                    lambda: "%d events, head %s, last %s"
                    % (len(rows), head, rows[-1:]))


def patient(send, seconds=10):
    """What sets a test up may meet a machine that is busy with others: 503
    is asked again, as clients and WhatsApp do."""
    end = time.monotonic() + seconds
    while True:
        r = send()
        if r.status != 503 or time.monotonic() > end:
            return r
        time.sleep(0.05)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(body, header=None, secret=JWT_SECRET, alg="HS256"):
    """A token: signed by HMAC of the header's alg, or "" for none.  Without
    blanks, as PyTake writes its own."""
    header = header or {"alg": alg, "typ": "JWT"}
    text = ".".join(b64(json.dumps(part, separators=(",", ":")).encode())
                    for part in (header, body))
    if header.get("alg", "").lower() == "none":
        return text + "."
    digest = {"384": hashlib.sha384, "512": hashlib.sha512}.get(
        header.get("alg", "")[-3:], hashlib.sha256)
    if isinstance(secret, str):
        secret = secret.encode()
    return text + "." + b64(hmac.new(secret, text.encode(), digest).digest())
