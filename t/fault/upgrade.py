#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Another module under load, as nginx's manual upgrades a binary: USR2,
WINCH, QUIT; and taken back in the middle.  No request fails, no socket
misses an event, the new workers have the new file, nothing of the old ones
is left."""

import asyncio
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import master
import procs
import stack
import tap
import traffic
import ws
from master import module


SOCKETS = 8  # a user may have ten


def main(t):
    s = master.stack_of()
    with s:
        s.serve(name="hub")
        with master.daemon(s) as first:
            asyncio.run(asyncio.wait_for(sockets(t, s, first), 200))
        s.nginx.start()
        s.check_logs(t)


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


def upgrade(t, s, old):
    load = traffic.Traffic(s, s.tenants[0])
    before = os.stat(module(s)).st_ino
    master.put_module(s, s.build)

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
