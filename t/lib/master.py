# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""NGINX as nginx's manual upgrades a binary: USR2, WINCH, QUIT.

    s = master.stack_of()
    with s, master.daemon(s) as first:
        master.put_module(s, s.build)
        new = first.begin(load)
        first.rest(load)
        first.end()
"""

import contextlib
import os
import shutil
import signal
import subprocess

import procs
import stack

MODULE = "ngx_http_pytake_module.so"


def stack_of(**more):
    """A stack whose module is a file of its own, which may be replaced."""
    def edit(name, text):
        if name != "pytake-main.conf":
            return text
        put_module(s, s.build)
        return text.replace(os.path.join(s.build, MODULE), module(s))

    s = stack.Stack(conf_edit=edit, **more)
    return s


def module(s):
    return os.path.join(s.dir, "module.so")


def put_module(s, build):
    shutil.copy(os.path.join(build, MODULE), module(s) + ".new")
    # Never written over: workers have it mapped.
    os.rename(module(s) + ".new", module(s))


@contextlib.contextmanager
def daemon(s):
    """The stack's NGINX under a master that takes USR2, which one that is its
    starter's child does not."""
    s.nginx.stop()
    subprocess.run(s.nginx.argv("-g", "daemon on;"), env=s.nginx.env(),
                   check=True)
    try:
        with open(os.path.join(s.dir, "nginx", "nginx.pid")) as f:
            first = Master(s, int(f.read()))
        yield first
    finally:
        end(s)


def end(s):
    """The masters that run, whichever there are."""
    def masters():
        return [int(p) for p in os.listdir("/proc") if p.isdigit()
                and "master process" in procs.title(int(p))
                and s.dir in procs.title(int(p))]

    for pid in masters():
        procs.send(pid, signal.SIGTERM)
    stack.wait_until(lambda: not masters(), 10, "the end of nginx")


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
        """QUIT; the pids that are to be gone."""
        pids = [self.pid] + procs.children(self.pid)
        procs.send(self.pid, signal.SIGQUIT)
        stack.wait_until(lambda: not procs.is_alive(self.pid), 40, "its end")
        return pids
