#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Another module under load, as nginx's manual upgrades a binary: USR2,
WINCH, QUIT; and taken back in the middle.  No request fails, no socket
misses an event, the new workers have the new file, nothing of the old ones
is left."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import procs
import stack
import tap
import traffic
import ws


SOCKETS = 8  # a user may have ten


def main(t):
    def edit(name, text):
        if name != "pytake-main.conf":
            return text
        shutil.copy(os.path.join(s.build, "ngx_http_pytake_module.so"),
                    module(s))
        return text.replace(s.build + "/ngx_http_pytake_module.so",
                            module(s))

    s = stack.Stack(conf_edit=edit)
    with s:
        s.serve(name="hub")
        s.nginx.stop()
        # A master that is its starter's child takes no USR2.
        subprocess.run(s.nginx.argv("-g", "daemon on;"), env=s.nginx.env(),
                       check=True)
        try:
            with open(os.path.join(s.dir, "nginx", "nginx.pid")) as f:
                first = Master(s, int(f.read()))
            asyncio.run(asyncio.wait_for(sockets(t, s, first), 200))
        finally:
            end(s)
        s.nginx.start()
        s.check_logs(t)


def module(s):
    return os.path.join(s.dir, "module.so")


def end(s):
    """The masters that run, whichever there are."""
    def masters():
        return [int(p) for p in os.listdir("/proc") if p.isdigit()
                and "master process" in procs.title(int(p))
                and s.dir in procs.title(int(p))]

    for pid in masters():
        procs.send(pid, signal.SIGTERM)
    stack.wait_until(lambda: not masters(), 10, "the end of nginx")


async def sockets(t, s, first):
    tenant = s.tenants[0]
    clients = [await ws.Client(s, tenant.agent, s.token(tenant.agent),
                               header=i % 2 == 0, spread=1).start()
               for i in range(SOCKETS)]
    await ws.run(upgrade, t, s, first)
    await ws.check(t, s, tenant, clients, "sockets", 60)
    t.ok(all(c.closes and not c.said("resync") for c in clients),
         "sockets: each was sent away and has come back where it was")
    await asyncio.gather(*(c.close() for c in clients))


class Master:
    def __init__(self, s, pid):
        self.s, self.pid = s, pid

    def next(self):
        return [p for p in procs.children(self.pid)
                if "master process" in procs.title(p)]

    def workers(self):
        return [p for p in procs.children(self.pid)
                if "worker process" in procs.title(p)
                and "shutting down" not in procs.title(p)]

    def begin(self, load):
        """USR2: a second master beside this one."""
        procs.send(self.pid, signal.SIGUSR2)
        new = Master(self.s, stack.wait_until(self.next, 20, "a master")[0])
        stack.wait_until(lambda: len(new.workers()) == self.s.workers, 20,
                         "its workers")
        load.more(40, "work beside the old ones")
        return new

    def rest(self, load):
        """WINCH: no workers, but it still listens."""
        procs.send(self.pid, signal.SIGWINCH)
        stack.wait_until(lambda: not self.workers(), 20, "none of them")
        load.more(40, "work without the old ones")

    def end(self):
        pids = [self.pid] + procs.children(self.pid)
        procs.send(self.pid, signal.SIGQUIT)
        stack.wait_until(lambda: not procs.is_alive(self.pid), 40, "its end")
        return pids


def upgrade(t, s, old):
    load = traffic.Traffic(s, s.tenants[0])
    before = os.stat(module(s)).st_ino
    shutil.copy(module(s), module(s) + ".new")
    # Never written over: workers have it mapped.
    os.rename(module(s) + ".new", module(s))

    new = old.begin(load)
    old.rest(load)
    new_pid = new.pid
    procs.send(old.pid, signal.SIGHUP)  # taken back
    stack.wait_until(lambda: len(old.workers()) == s.workers, 20,
                     "the old one's workers")
    new.end()
    load.more(40, "work with the old one")
    t.ok(procs.is_alive(old.pid) and not procs.is_alive(new_pid),
         "taken back: the old one goes on")

    new = old.begin(load)
    old.rest(load)
    gone = old.end()
    load.more(40, "work after the upgrade")
    load.check(t, "")
    t.ok(not any(procs.is_alive(p) for p in gone if p != new.pid),
         "the old master and workers are gone")
    t.eq((os.stat(module(s)).st_ino != before,
          [mapped(p, module(s)) for p in new.workers()]),
         (True, [os.stat(module(s)).st_ino] * s.workers),
         "the new workers have the new module")
    stack.wait_until(lambda: len(s.pg.backends()) <= s.workers * 8, 10,
                     "the end of old connections")
    t.ok(True, "database connections of the old ones are gone")


def mapped(pid, path):
    """The inode of a file that a process has mapped, or None."""
    with open("/proc/%d/maps" % pid) as f:
        for line in f:
            if line.rstrip().endswith(path):
                return int(line.split()[4])
    return None


tap.run(main)
