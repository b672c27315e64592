# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Processes, ports and waiting: what Linux's /proc tells."""

import os
import random
import signal
import socket
import threading
import time


CLOCK = ("LD_PRELOAD", "PYTAKE_TEST_CLOCK", "TZ")


def clock():
    """What a program needs in its environment to have the test's own date
    (at_date.py)."""
    if "PYTAKE_TEST_CLOCK" not in os.environ:
        return {}
    return {k: os.environ[k] for k in CLOCK}


def wait_until(cond, timeout=10.0, what="the condition", every=0.02):
    """Polls until cond() is true and gives its value back."""
    end = time.monotonic() + timeout
    while True:
        v = cond()
        if v:
            return v
        if time.monotonic() > end:
            raise TimeoutError("%s did not come within %.1f s"
                               % (what, timeout))
        time.sleep(every)


class Stalls(threading.Thread):
    """How late this machine wakes a sleeper: what a limit in milliseconds
    must allow for when others keep both processors busy."""

    def __init__(self):
        super().__init__(daemon=True)
        self.worst_ms = 0.0
        self.start()

    def run(self):
        while True:
            began = time.monotonic()
            time.sleep(0.005)
            late = (time.monotonic() - began) * 1000 - 5
            self.worst_ms = max(self.worst_ms, late)

    def take(self):
        """The worst since the last call; a request meets several."""
        worst, self.worst_ms = self.worst_ms, 0.0
        return min(2 * worst, 1000.0)


def free_port():
    """Below the ports that the kernel gives to clients: a server that is
    away for a while must find its port again, and nobody who asks for it
    may meet himself there."""
    while True:
        port = random.SystemRandom().randrange(10000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def _stat(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            text = f.read()
    except OSError:
        return None
    rest = text[text.rindex(")") + 2:].split()
    return {"state": rest[0], "ppid": int(rest[1]), "start": rest[19]}


def is_alive(pid):
    s = _stat(pid)
    return s is not None and s["state"] not in ("Z", "X")


def is_stopped(pid):
    s = _stat(pid)
    return s is not None and s["state"] == "T"


def children(pid):
    out = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            s = _stat(int(name))
            if s and s["ppid"] == pid and s["state"] not in ("Z", "X"):
                out.append(int(name))
    return sorted(out)


def title(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def fd_count(pid):
    try:
        return len(os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return 0


def rss_kb(pid):
    try:
        with open("/proc/%d/status" % pid) as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def send(pid, sig):
    """kill(2); False when the process is gone."""
    try:
        os.kill(pid, sig)
        return True
    except ProcessLookupError:
        return False


def end(popen, sig=signal.SIGTERM, timeout=10.0):
    """Ends a child of ours: politely, then not."""
    if popen is None or popen.poll() is not None:
        return
    popen.send_signal(signal.SIGCONT)
    popen.send_signal(sig)
    try:
        popen.wait(timeout)
    except Exception:
        popen.kill()
        popen.wait()
