#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""What build.sh makes of its environment, up to the start of anything."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile

import psycopg2.extensions

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import tap  # noqa: E402
from cluster import TOP  # noqa: E402
from procs import free_port  # noqa: E402

HEAD = """set -euo pipefail
export LC_ALL=C.UTF-8
PERL=/usr/bin/perl
for f in lib deps state; do . "$TOP/tools/$f.sh"; done
state_paths
"""
MADE = "state_lock; state_folders; state_secrets; state_servers\n"
GOOD = "0123456789abcdef"


class Here:
    def __init__(self, t, state):
        self.t, self.state = t, state

    def run(self, code, user=None, **env):
        keep = {k: v for k, v in os.environ.items()
                if k in ("PATH", "HOME", "USER")}
        return subprocess.run(
            ["bash", "-c", HEAD + code], capture_output=True, text=True,
            timeout=60, user=user, env={**keep, "TOP": TOP, "PYTAKE_STATE": self.state,
                             **env})

    def refused(self, what, words, code=MADE, **env):
        """One line with these words, and nothing of it is kept."""
        r = self.run(code, **env)
        self.t.ok(r.returncode == 1 and r.stderr.count("\n") == 1
                  and all(w in r.stderr for w in words), what,
                  (r.returncode, r.stdout, r.stderr))

    def secret(self, name):
        try:
            with open(os.path.join(self.state, "secrets", name)) as f:
                return f.read()
        except FileNotFoundError:
            return None


def secrets(t, h):
    t.head("secrets of the environment")
    h.refused("a file that cannot be read", ["JWT_SECRET_FILE", "/nonexist"],
              JWT_SECRET_FILE="/nonexistent")
    t.eq(h.secret("jwt_secret"), None, "... and none was made instead")
    h.refused("a file that is empty", ["JWT_SECRET_FILE", "empty"],
              JWT_SECRET_FILE="/dev/null")
    h.refused("value and file", ["JWT_SECRET", "both"], JWT_SECRET=GOOD,
              JWT_SECRET_FILE=__file__)
    h.refused("too short", ["JWT_SECRET"], JWT_SECRET="short")
    h.refused("no key", ["PYTAKE_ENCRYPTION_KEY"],
              PYTAKE_ENCRYPTION_KEY="0" * 63)
    r = h.run(MADE)
    t.ok(r.returncode == 0 and len(h.secret("jwt_secret")) == 64,
         "what was refused is not there the next time", r.stderr)
    h.run(MADE, JWT_SECRET=GOOD)
    t.eq(h.secret("jwt_secret"), GOOD, "what is given is taken")


def servers(t, h):
    t.head("servers of the environment")
    for host in ("::1", "/run/postgresql", "db.example", "10.0.0.1"):
        r = h.run(MADE + 'printf "%s\\n" "$DB_URL"', DB_HOST=host,
                  DB_PORT="5433", DB_USER="a b", DB_PASSWORD="p@/%")
        got = psycopg2.extensions.parse_dsn(r.stdout.strip())
        t.eq(got, {"host": host, "port": "5433", "user": "a b",
                   "password": "p@/%", "dbname": "pytake"},
             "DB_HOST %s" % host)
    r = h.run(MADE + 'printf "%s\\n" "$CACHE_URL"', REDIS_HOST="::1")
    t.eq(r.stdout, "redis://[::1]:6379/0\n", "REDIS_HOST ::1")
    r = h.run(MADE + 'echo "$SIM_PORT $GRAPH_URL"', PYTAKE_DEMO="off")
    t.eq(r.stdout, " https://graph.facebook.com/v23.0\n",
         "without the demo no simulator")


def ports(t, h):
    t.head("the port")
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = str(s.getsockname()[1])
        h.refused("in use", ["port " + port, "in use", "PYTAKE_PORT"],
                  "state_port", PYTAKE_PORT=port)
    port = str(free_port())
    h.refused("an address of another machine",
              ["192.0.2.1", "cannot assign", "PYTAKE_LISTEN"], "state_port",
              PYTAKE_PORT=port, PYTAKE_LISTEN="192.0.2.1")
    r = h.run("state_port", PYTAKE_PORT=port)
    t.eq((r.returncode, r.stderr), (0, ""), "a free one")


def packages(t, h):
    t.head("packages")
    r = h.run("deps_missing bash no-such-package")
    t.eq((r.returncode, r.stdout), (0, "no-such-package "),
         "what is missing is named")


def strangers(t, h):
    t.head("another user's state")
    if os.geteuid() != 0 or h.run("true", user="nobody").returncode != 0:
        t.skip("another user's state", "only root can be another user")
        return
    h.run("state_lock")
    with open(os.path.join(h.state, "alive"), "w") as f:
        os.fchmod(f.fileno(), 0o600)
    for what in ("r alive", "w lock"):
        r = h.run("state_may " + what, user="nobody")
        t.ok(r.returncode == 1 and "belongs to root" in r.stderr, what,
             (r.returncode, r.stderr))
        t.eq(h.run("state_may " + what).returncode, 0, "... is ours")


def words(t, h):
    t.head("words")
    for args, name in ((["status", "--help"], "an argument too many"),
                       (["stat"], "an unknown verb"),
                       (["test", "nosuch"], "an unknown program"),
                       (["test", "e2e", "uuid_test"],
                        "a program of another suite"),
                       (["bench", "nosuch"], "an unknown bench")):
        r = subprocess.run([os.path.join(TOP, "build.sh"), *args],
                           capture_output=True, text=True, timeout=60,
                           env={**os.environ, "PYTAKE_STATE": h.state})
        t.ok(r.returncode == 1 and args[-1] in r.stderr.split("\n")[-2]
             and "== " not in r.stdout, name,
             (r.returncode, r.stdout, r.stderr))
        if args[0] == "test":
            t.ok(r.stderr.count("\n") == 1 and "webhook" in r.stderr
                 and "fault" in r.stderr, "... and what there is",
                 r.stderr)


def newcomer(t, h):
    t.head("the README's block")
    with open(os.path.join(TOP, "README.md")) as f:
        block = re.split(r"secrets\s+and\s+pids\.\s+Then:\n\n", f.read())[1]
    block = block.split("\n    TOKEN=")[0]
    demo = {"url": "http://127.0.0.1:1", "tenants": [{"users": [
        {"role": "agent", "email": "a@example", "password": "word"}]}]}
    with open(os.path.join(h.state, "demo.json"), "w") as f:
        json.dump(demo, f)
    r = h.run(block + '\necho "$URL $EMAIL $PASS"')
    t.eq(r.stdout, "http://127.0.0.1:1 a@example word\n",
         "reads demo.json where PYTAKE_STATE says")
    os.unlink(os.path.join(h.state, "demo.json"))


def files(t, h):
    t.head("the limit of files")
    r = h.run(MADE + """ulimit -n 4000; state_nginx
grep -h '^worker_rlimit_nofile' "$HOME_DIR/nginx/nginx.conf"
(ulimit -n 65536) 2> /dev/null && echo 65536 || echo 4000""")
    got = r.stdout.split()
    t.eq(got[1:2], [got[-1] + ";"], "NGINX asks for what it may have")


def main(t):
    # Where whoever NGINX's workers run as can enter, too.
    with tempfile.TemporaryDirectory(prefix="pt-verbs-", dir="/tmp") as state:
        os.chmod(state, 0o755)
        h = Here(t, state)
        for test in (secrets, servers, ports, packages, strangers,
                     words, newcomer, files):
            test(t, h)


if __name__ == "__main__":
    tap.run(main)
