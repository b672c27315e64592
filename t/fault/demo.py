#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The demo: what it says, what it says when the database is away beneath it,
and, started by root, what its unprivileged user can do to root's files: links
in every folder that this user can write, an old layout, folders of somebody
else, words that root would read.  Nothing of root's is changed, re-owned or
run; up works, or refuses in one line."""

import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import tap  # noqa: E402
from cluster import TOP  # noqa: E402
from procs import (children, free_port, is_stopped, send,  # noqa: E402
                   wait_until)

USER = "www-data"

# What root has ever written by name beside what the state holds.
NAMES = ("zz", "numbers.json", "demo-users.json", "database_url", "redis_url",
         "nginx.pid", "redis.conf", "initdb.log", "supervise.log",
         "sidecar.log", "nginx.log", "error.log", "access.log")

PLANT = """
import json, os, sys
made = 0
for folder, links in json.load(sys.stdin):
    if not os.access(folder, os.W_OK | os.X_OK):
        continue
    for name, target in links:
        path = os.path.join(folder, name)
        try:
            if os.path.lexists(path):
                os.unlink(path)
            os.symlink(target, path)
            made += 1
        except OSError:
            pass
print(made)
"""

EVIL = """#!/bin/sh
id -u > %s/ran.$(id -u)
exit 1
"""


class Demo:
    def __init__(self, t, top):
        self.t, self.top = t, top
        self.state = os.path.join(top, "state")
        self.precious = os.path.join(top, "precious")
        self.open = os.path.join(top, "open")
        os.mkdir(self.precious, 0o700)
        os.mkdir(self.open)
        os.chmod(self.open, 0o1777)
        self.port = free_port()
        self.count = 0

    def verb(self, name, state=None, code=None, timeout=300, user=None):
        """build.sh's verb, or code with its functions."""
        keep = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME")}
        argv = [os.path.join(TOP, "build.sh"), name] if code is None else [
            "bash", "-c", "set -euo pipefail; PERL=/usr/bin/perl; for f in "
            "lib deps state; do . $TOP/tools/$f.sh; done; state_paths; "
            + code]
        return subprocess.run(
            argv, capture_output=True, text=True, timeout=timeout, user=user,
            stdin=subprocess.DEVNULL,
            env={**keep, "TOP": TOP, "PYTAKE_STATE": state or self.state,
                 "PYTAKE_PORT": str(self.port)})

    def clean(self, state):
        """As the verb does it, with a checkout that has nothing to lose."""
        return self.verb(None, state, """
eval "$(sed -n '/^verb_clean/,/^}/p' "$TOP/build.sh")"
TOP=%s/checkout; mkdir -p "$TOP"; verb_clean""" % self.top)

    def home(self):
        try:
            with open(os.path.join(self.state, "home")) as f:
                return f.read().strip()
        except FileNotFoundError:
            return self.state

    def json(self):
        with open(os.path.join(self.state, "demo.json")) as f:
            return json.load(f)

    def treasure(self, fresh):
        """A path that only root can touch; fresh: there is nothing yet."""
        self.count += 1
        path = os.path.join(self.precious, "%d" % self.count)
        if not fresh:
            with open(path, "w") as f:
                f.write("root's %d\n" % self.count)
            os.chmod(path, 0o600)
        return path

    def seen(self):
        out = {}
        for top, dirs, files in os.walk(self.precious):
            for path in [top] + [os.path.join(top, f) for f in files]:
                s = os.lstat(path)
                text = ""
                if path != top:
                    with open(path) as f:
                        text = f.read()[:200]
                out[path] = (s.st_uid, s.st_gid, oct(s.st_mode), text)
        return out

    def plant(self, fresh, spare=(), sockets=True):
        """Links as the unprivileged user, wherever it can; their number."""
        folders, names = [], set(NAMES)
        pg = os.path.join(self.state, "pg")
        for top, dirs, files in os.walk(self.state):
            folders.append(top)
            if top == pg:
                dirs.clear()
            else:
                names.update(files)
        names |= {n + ".new" for n in names if not n.endswith(".new")}
        names = sorted(n for n in names - set(spare)
                       if sockets or "sock" not in n and "PGSQL" not in n)
        todo = [(folder, [(n, self.treasure(fresh)) for n in (
            names if folder != pg else ("pytake.conf", "pytake.conf.new"))])
            for folder in folders]
        return int(self.as_user(PLANT, json.dumps(todo)))

    def as_user(self, code, text="", *args):
        return subprocess.run(
            ["/usr/bin/python3", "-c", code, *args], input=text, text=True,
            check=True, stdout=subprocess.PIPE, user=USER, group=USER,
            extra_groups=[], cwd="/").stdout

    def unplant(self):
        for top, dirs, files in os.walk(self.state):
            for name in dirs + files:
                path = os.path.join(top, name)
                if os.path.islink(path) and os.readlink(path).startswith(
                        self.precious):
                    os.unlink(path)

    def spared(self, before, what):
        after = self.seen()
        bad = {k: (before.get(k), after.get(k))
               for k in before.keys() | after.keys()
               if before.get(k) != after.get(k)}
        self.t.ok(not bad, what, lambda: "%d: %s" % (
            len(bad), "\n".join("%s: %s" % x for x in sorted(
                bad.items())[:5])))

    def up(self, what):
        """Works, or says in one line why not."""
        r = self.verb("up")
        self.t.ok(r.returncode == 0 or (r.returncode == 1 and
                  r.stderr.count("\n") == 1 and
                  r.stderr.startswith("pytake: ")), what,
                  (r.returncode, r.stdout[-500:], r.stderr[-1500:]))
        return r.returncode == 0


def said(t, d, r):
    t.head("what it says")
    url = d.json()["url"]
    t.ok("%s/sim/" % url in r.stdout, "up tells the phone's address", r.stdout)
    t.eq("building" in d.verb("up").stdout, False,
         "nothing is built, and nothing said of it")
    built = d.verb(None, code="""
BUILD=$STATE/b; mkdir "$BUILD" "$STATE/fake"
eval "$(sed -n '/^build_quietly/,/^}/p; /^build_words/,/^}/p' "$TOP/build.sh")"
make() { echo "gcc -c x.c"; echo "ld x.o"; return "$FAKE"; }
flock() { shift; "$@"; }
build_web() { :; }
FAKE=0 build_quietly; (FAKE=2 build_quietly) || echo "failed $?"
cat "$BUILD/build.log"; rm -r "$BUILD" "$STATE/fake"
""")
    t.ok(built.stdout.count("building the module") == 2
         and "failed 1\ngcc -c x.c\nld x.o\n" in built.stdout
         and "the build failed" in built.stderr,
         "what is built is said once, its failure, too",
         (built.stdout, built.stderr))
    t.ok(re.search(r"(?m)^Sign in with \(company, role, e-mail, password\):\n"
                   r"(  \S.*  (owner|admin|supervisor|agent|viewer) +\S+@\S+ +\S+\n)+\Z",
                   r.stdout), "... and says what the logins are", r.stdout)
    t.eq(len({line.rindex("  ") for line in r.stdout.splitlines()
              if "@" in line}), 1, "... in columns")
    by_hand(t, d)
    with open(os.path.join(d.home(), "log", "error.log")) as f:
        text = f.read()
    t.ok("start worker" in text and "setrlimit" not in text
         and "[alert]" not in text, "NGINX starts without an alert", text)


def by_hand(t, d):
    """The operator's program, pointed at the demo as the README says."""
    env = os.path.join(d.state, "pytake.env")
    t.eq(oct(os.stat(env).st_mode & 0o777), "0o600", "its environment is ours")
    for what, words in (("doctor", "doctor"), ("backup", (
            "backup $PYTAKE_STATE/backup --database-url-file "
            "$PYTAKE_STATE/secrets/owner_url"))):
        r = d.verb(None, code="set -a; . $STATE/pytake.env; set +a; "
                   "$TOP/build/pytake " + words)
        t.ok(r.returncode == 0 and "FAIL" not in r.stdout, "pytake " + what,
             (r.stdout, r.stderr))


def away(t, d):
    """Health may lag, sessions fail: up and status ask for readiness."""
    t.head("a database that does not answer")
    pids = [d.json()["pids"]["postgres"]]
    send(pids[0], signal.SIGSTOP)
    wait_until(lambda: is_stopped(pids[0]), 5, "the postmaster's stop")
    pids += children(pids[0])
    for pid in pids[1:]:
        send(pid, signal.SIGSTOP)
    try:
        for verb in ("up", "status"):
            r = d.verb(verb)
            t.ok(r.returncode == 1 and r.stderr.count("\n") == 1
                 and "not ready" in r.stderr and '"database":false' in r.stderr
                 and "build.sh down" in r.stderr,
                 verb + " tells why and what to do",
                 (r.returncode, r.stdout, r.stderr))
    finally:
        for pid in reversed(pids):
            send(pid, signal.SIGCONT)
    t.eq(d.verb("up").returncode, 0, "up again, once it answers")
    t.eq(d.verb("status").returncode, 0, "... so says status")


def secrecy(t, d):
    t.head("who may read what")
    uid = pwd.getpwnam(USER).pw_uid
    foreign = []
    for top, dirs, files in os.walk(d.state):
        s = os.lstat(top)
        if s.st_uid != uid:
            continue
        foreign += [os.path.join(top, f) for f in files
                    if os.lstat(os.path.join(top, f)).st_uid == 0]
    t.eq(foreign, [], "no file of root's is in a folder of the user's")
    paths = [os.path.join(top, f) for top, _, files in os.walk(d.state)
             for f in files if f in ("jwt_secret", "database_url",
                                     "encryption_key", "settings",
                                     "numbers.json", "demo-users.json",
                                     "access.log", "redis.conf", "lock")]
    reads = ("import sys, os\n"
             "print(sum(os.access(p, os.R_OK) for p in sys.argv[1:]))")
    said = subprocess.run(["/usr/bin/python3", "-c", reads, *paths],
                          stdout=subprocess.PIPE, text=True, user="nobody",
                          group="nogroup", extra_groups=[], cwd="/").stdout
    t.eq((said, len(paths) > 6), ("0\n", True),
         "no secret, no log and no lock is anybody's")


def running(t, d):
    t.head("links to nothing, while it runs")
    d.plant(True, sockets=False)
    before = d.seen()
    pids = d.json()["pids"]
    os.kill(pids["nginx"], signal.SIGUSR1)
    os.kill(pids["sidecar"], signal.SIGKILL)

    def again():
        try:
            return d.json()["pids"]["sidecar"] not in (0, pids["sidecar"])
        except (OSError, ValueError):
            return False
    wait_until(again, 30, "the sidecar's successor")
    d.up("up again")
    d.spared(before, "a part that is started again spares root's files")
    t.eq(d.verb("down").returncode, 0, "down")
    d.spared(before, "... so does down")
    d.unplant()


def stopped(t, d):
    t.head("links to files")
    d.plant(False)
    before = d.seen()
    d.up("up works or says why not")
    d.verb("down")
    d.spared(before, "root's files are as they were")
    d.unplant()


def old_layout(t, d, kept):
    t.head("the state of an older version")
    t.eq(d.verb("down").returncode, 0, "down")
    s = d.state
    work = os.path.join(s, "work", "demo-users.json")
    if os.path.exists(work):
        os.rename(work, os.path.join(s, "secrets", "demo-users.json"))
    for name in ("work", "handed"):
        shutil.rmtree(os.path.join(s, name), ignore_errors=True)
    user = pwd.getpwnam(USER)
    for name in ("log", "secrets", "redis"):
        path = os.path.join(s, name)
        os.chmod(path, 0o700)
        for p in [path] + [os.path.join(path, f) for f in os.listdir(path)]:
            os.chown(p, user.pw_uid, user.pw_gid, follow_symlinks=False)
    made = d.plant(False, spare=("demo-users.json", "jwt_secret",
                                 "app_secret", "verify_token", "db_password",
                                 "encryption_key", "redis_password"))
    t.ok(made > 20, "%d links are planted" % made)
    # An up that was interrupted while it put this right.
    os.chown(os.path.join(s, "log"), 0, 0)
    os.chmod(os.path.join(s, "log"), 0o1700)
    before = d.seen()
    r = d.verb("up")
    t.eq((r.returncode, r.stderr), (0, ""), "up")
    d.spared(before, "root's files are as they were")
    now = d.json()
    t.eq((now["jwt_secret"], now["tenants"]), kept,
         "secrets, ids and passwords are as they were")
    for name in ("log", "secrets"):
        path = os.path.join(s, name)
        bad = [x for x in [path] + [os.path.join(path, f)
                                    for f in os.listdir(path)]
               if os.lstat(x).st_uid != 0 or os.path.islink(x)]
        t.eq(bad, [], name + "/ is root's, without links")
    d.unplant()


def words(t, d):
    """What the user wrote and root reads is no command."""
    t.head("words that root reads")
    evil = os.path.join(d.open, "evil", "bin")
    os.makedirs(evil)
    for name in ("initdb", "postgres", "psql", "pg_isready"):
        with open(os.path.join(evil, name), "w") as f:
            f.write(EVIL % d.open)
        os.chmod(os.path.join(evil, name), 0o755)
    path = os.path.join(d.state, "pg", "PG_VERSION")
    with open(path) as f:
        version = f.read()
    write = "import sys\nopen(sys.argv[1], 'w').write(sys.argv[2])"
    d.as_user(write, "", path, "../../..%s/evil\n" % d.open)
    r = d.verb("up")
    t.ok(r.returncode == 1 and r.stderr.count("\n") == 1
         and "PG_VERSION" in r.stderr, "a version that is a path is refused",
         (r.returncode, r.stderr))
    d.verb("down")
    d.as_user(write, "", path, version)

    old = os.path.join(d.state, "secrets")
    user = pwd.getpwnam(USER)
    with open(os.path.join(old, "jwt_secret")) as f:
        secret = f.read()
    os.chown(old, user.pw_uid, user.pw_gid)
    os.chown(os.path.join(old, "jwt_secret"), user.pw_uid, user.pw_gid)
    d.as_user(write, "", os.path.join(old, "jwt_secret"),
              secret + "\npg_bin=%s\n" % evil)
    r = d.verb("up")
    t.ok(r.returncode == 0 or r.stderr.count("\n") == 1,
         "a secret of several lines is refused or made one",
         (r.returncode, r.stderr))
    d.verb("down")
    t.ok(not os.path.exists(d.open + "/ran.0"), "root ran nothing of theirs")


def folders(t, d):
    """States, homes and folders of sockets that are somebody else's."""
    t.head("folders of somebody else")
    before = d.seen()
    theirs = os.path.join(d.open, "theirs")
    d.as_user("import os, sys\nos.mkdir(sys.argv[1])\n"
              "open(sys.argv[1] + '/home', 'w').write(sys.argv[2])\n"
              "open(sys.argv[1] + '/alive', 'w')\n"
              "os.mkdir(sys.argv[1] + '/inner')\n"
              "os.symlink(sys.argv[2], sys.argv[1] + '/link')\n"
              "os.symlink(sys.argv[2], sys.argv[3] + '/link')",
              "", theirs, d.precious, d.open)
    os.mkdir(theirs + "/root")
    for state, what in ((theirs, "a state"),
                        (d.open + "/link", "a link to a folder of root's"),
                        (theirs + "/root", "a folder in theirs"),
                        (theirs + "/link/new", "a folder beyond a link")):
        for verb in ("up", "down", "status", "clean"):
            r = d.clean(state) if verb == "clean" else d.verb(verb, state)
            t.ok(r.returncode == 1 and r.stderr.count("\n") == 1
                 and USER in r.stderr, "%s: %s refuses" % (what, verb),
                 (r.returncode, r.stdout, r.stderr))
    d.spared(before, "root's files are as they were")

    mine = os.path.join(d.top, "x" * 90)
    os.mkdir(mine)
    link = "/tmp/pytake." + os.path.basename(d.top)[-6:]
    d.as_user("import os, sys\nos.symlink(*sys.argv[1:])", "", d.precious,
              link)
    try:
        for name in ("sockets", "home"):
            with open(os.path.join(mine, name), "w") as f:
                f.write(link + "\n")
            d.verb(None, mine, "state_lock; state_folders; "
                   "echo \"$SOCKETS\"; state_stop")
            d.spared(before, "a link that %s names spares root's" % name)
            d.clean(mine)
            d.spared(before, "... from clean, too")
            os.makedirs(mine, exist_ok=True)
            with open(os.path.join(mine, name), "w") as f:
                f.write(d.precious + "\n")
            d.clean(mine)
            t.ok(not os.path.exists(mine), "the state itself goes")
            d.spared(before, "clean removes nothing that %s names but what "
                     "was made for it" % name)
            shutil.rmtree(mine, ignore_errors=True)
            os.makedirs(mine)
    finally:
        if os.path.lexists(link):
            os.unlink(link)


def main(t):
    top = tempfile.mkdtemp(prefix="pt-links-", dir="/tmp")
    os.chmod(top, 0o755)
    d = Demo(t, top)
    try:
        r = d.verb("up")
        t.eq((r.returncode, r.stderr), (0, ""), "up")
        kept = (d.json()["jwt_secret"], d.json()["tenants"])
        said(t, d, r)
        away(t, d)
        if os.geteuid() != 0:
            t.skip("root by the demo", "only root can lose root's files")
            return
        secrecy(t, d)
        old_layout(t, d, kept)
        running(t, d)
        stopped(t, d)
        words(t, d)
        folders(t, d)
    finally:
        d.verb("down")
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    tap.run(main)
