# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""A private, durable PostgreSQL that tests may kill, freeze and starve."""

import fcntl
import glob
import os
import pwd
import shutil
import signal
import subprocess
import threading

import psycopg2
import psycopg2.extensions

import procs

psycopg2.extensions.set_wait_callback(None)

ERRORS = (psycopg2.OperationalError, psycopg2.InterfaceError)


def bin_dir():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"),
                   key=lambda p: int(p.split("/")[4]))
    if not found:
        raise RuntimeError("PostgreSQL is missing: run ./build.sh deps")
    return os.path.dirname(found[-1])


def _account():
    """Whom PostgreSQL runs as: it refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise RuntimeError("no unprivileged user for PostgreSQL")


class Postgres:
    def __init__(self, folder, cache, ssl=False, settings=None):
        self.data = os.path.join(folder, "pg")
        self.sockets = os.path.join(folder, "s")
        self.log = os.path.join(folder, "postgres.log")
        self.cache = cache
        self.ssl = ssl
        self.settings = dict(settings or {})
        self.bin = bin_dir()
        self.account = _account()
        self.port = procs.free_port()
        self.proc = None
        self.local = threading.local()
        self.frozen = []

    # -- life --

    def _as(self):
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid,
                "extra_groups": []}

    def _run(self, *args):
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        p = subprocess.run(args, cwd="/", env=env, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, **self._as())
        if p.returncode != 0:
            raise RuntimeError("%s failed: %s" % (args[0], p.stdout.decode()))

    def _own(self, path):
        if self.account is not None:
            # The folder itself comes last: until then it is closed.
            for top, dirs, files in os.walk(path, topdown=False):
                for name in [os.path.join(top, f) for f in files] + [top]:
                    os.lchown(name, self.account.pw_uid, self.account.pw_gid)

    def create(self):
        """A new cluster, copied from one made once a version."""
        version = self.bin.split("/")[4]
        kept = os.path.join(self.cache, "pg-" + version)
        os.makedirs(self.cache, exist_ok=True)
        os.makedirs(self.sockets, mode=0o755, exist_ok=True)
        with open(kept + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(os.path.join(kept, "PG_VERSION")):
                os.makedirs(self.data, mode=0o700)
                self._own(self.data)
                self._run(self.bin + "/initdb", "-D", self.data, "-U",
                          "postgres", "-A", "trust", "-E", "UTF8",
                          "--locale=C.UTF-8", "--no-sync")
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(self.data, kept + ".new", symlinks=True)
                shutil.rmtree(self.data)
                os.rename(kept + ".new", kept)
            shutil.copytree(kept, self.data)
            os.chmod(self.data, 0o700)
        settings = {
            "listen_addresses": "'127.0.0.1'", "port": self.port,
            "unix_socket_directories": "'%s'" % self.sockets,
            "fsync": "on", "full_page_writes": "on",
            "synchronous_commit": "on", "max_connections": 200,
            "shared_buffers": "64MB",
            "timezone": "'%s'" % procs.clock().get("TZ", "UTC"),
            "log_min_messages": "warning",
            "log_line_prefix": "'%m [%p] %a '",
        }
        if self.ssl:
            self._certificate()
            settings["ssl"] = "on"
        settings.update(self.settings)
        with open(os.path.join(self.data, "postgresql.auto.conf"), "w") as f:
            for k, v in settings.items():
                f.write("%s = %s\n" % (k, v))
        # Root writes nothing in it any more.
        self._own(self.data)
        self._own(self.sockets)

    def _certificate(self):
        key, crt = (os.path.join(self.data, "server." + x)
                    for x in ("key", "crt"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048",
                        "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-keyout", key, "-out", crt], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.chmod(key, 0o600)

    def start(self, wait=True):
        log = open(self.log, "ab")
        self.proc = subprocess.Popen(
            [self.bin + "/postgres", "-D", self.data], cwd="/",
            env=dict(procs.clock(), PATH="/usr/bin:/bin",
                     LC_ALL="C.UTF-8"),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            **self._as())
        log.close()
        if wait:
            self.wait()

    def wait(self, timeout=30.0):
        def ready():
            if self.proc.poll() is not None:
                with open(self.log) as f:
                    raise RuntimeError("PostgreSQL ended: " + f.read()[-2000:])
            try:
                self.connect("postgres").close()
                return True
            except ERRORS:
                return False
        procs.wait_until(ready, timeout, "PostgreSQL")

    def pids(self):
        """The postmaster and all that hangs off it."""
        return [self.proc.pid] + procs.children(self.proc.pid)

    def kill(self):
        """Ended at once, with every backend."""
        pids = self.pids()
        for pid in pids:
            procs.send(pid, signal.SIGKILL)
        self.proc.wait()
        procs.wait_until(lambda: not any(map(procs.is_alive, pids)), 10,
                         "the end of the backends")

    def restart(self, wait=True):
        self.start(wait)

    def freeze(self):
        """SIGSTOP: postmaster first, so that nobody is born meanwhile (a
        signal takes a moment: not before it has stopped)."""
        procs.send(self.proc.pid, signal.SIGSTOP)
        procs.wait_until(lambda: procs.is_stopped(self.proc.pid), 5,
                         "the postmaster's stop")
        self.frozen = self.pids()
        for pid in self.frozen[1:]:
            procs.send(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in reversed(self.frozen):
            procs.send(pid, signal.SIGCONT)
        self.frozen = []

    def stop(self):
        if self.proc is None:
            return
        self.thaw()
        procs.end(self.proc, signal.SIGINT, 15)

    # -- use --

    def connect(self, dbname="pytake", **kw):
        c = psycopg2.connect(host=self.sockets, port=self.port,
                             user="postgres", dbname=dbname,
                             connect_timeout=5,
                             application_name="pytake-test",
                             options="-c timezone=UTC", **kw)
        c.autocommit = True
        return c

    def url(self, port=None, dbname="pytake", options="", user="postgres"):
        return ("postgresql://%s@127.0.0.1:%d/%s%s"
                % (user, port or self.port, dbname, options))

    def sql(self, query, args=None):
        """Rows of one statement as the owner, over a connection of the
        calling thread's own."""
        for again in (True, False):
            c = getattr(self.local, "conn", None)
            try:
                if c is None or c.closed:
                    c = self.local.conn = self.connect()
                with c.cursor() as cur:
                    cur.execute(query, args)
                    return cur.fetchall() if cur.description else cur.rowcount
            except ERRORS:
                self.local.conn = None
                if not again:
                    raise

    def one(self, query, args=None):
        """The only value of the only row."""
        rows = self.sql(query, args)
        return rows[0][0] if rows else None

    def backends(self):
        """What PyTake holds open: (pid, state, query, xact_start)."""
        return self.sql(
            "SELECT pid, state, query, xact_start FROM pg_stat_activity "
            "WHERE application_name <> 'pytake-test' AND datname = 'pytake' "
            "AND backend_type = 'client backend'")
