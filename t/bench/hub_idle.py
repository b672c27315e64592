#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""What an idle authenticated socket costs the hub, in user space.

    t/bench/hub_idle.py [SOCKETS]

Each socket authenticates by its first frame; ten a user, a hundred users a
tenant.  Private memory of the process is read before, when all are in, and a
minute later (PYTAKE_LONG=1), divided by their number."""

import base64
import json
import os
import resource
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import stack
from procs import wait_until

HELLO = (b"GET /api/v1/conversations/ws HTTP/1.1\r\nHost: hub\r\n"
         b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
         b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
         + base64.b64encode(bytes(16)) + b"\r\n\r\n")


def main(n):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with stack.Stack(tenants=0, workers=1) as s:
        h = s.serve(roles="hub", limit=min(n * 2 + 1000, hard))
        tokens = people(s, (n + 9) // 10)
        warm = [enter(h, tokens[0]) for _ in range(5)]
        for c in warm:
            c.close()
        wait_until(lambda: connections(h) == 0)
        before = private(h)
        t0 = time.monotonic()
        socks = [enter(h, tokens[i // 10]) for i in range(n)]
        took = time.monotonic() - t0
        wait_until(lambda: connections(h) == n)
        after = private(h)
        print("%d sockets in %.1f s (%.0f handshakes/s, one after another)"
              % (n, took, n / took))
        report("at once", n, before, after)
        if os.environ.get("PYTAKE_LONG", "") not in ("", "0"):
            cpu = cpu_s(h)
            time.sleep(60)  # the measure is of time itself
            report("after a minute", n, before, private(h))
            print("idle CPU: %.2f us a socket and second"
                  % ((cpu_s(h) - cpu) / 60 / n * 1e6))
        print("tenants in memory: %d"
              % h.metric("pytake_hub_tenants "))
        for c in socks:
            c.close()


def report(when, n, before, after):
    print("%s: %d kB -> %d kB, %.0f bytes a socket"
          % (when, before, after, (after - before) * 1024 / n))


def people(s, n):
    """Tokens of n users, a hundred a tenant, by SQL."""
    out = []
    t = None
    for i in range(n):
        if i % 100 == 0:
            t = s.add_tenant("Idle %d" % i, roles=(), numbers=0)
        u = s.add_user(t, "agent")
        out.append(s.token(u, lifetime=7200))
    return out


def enter(h, token):
    c = socket.socket(socket.AF_UNIX)
    c.connect(h.socket)
    text = json.dumps({"type": "auth", "token": token}).encode()
    c.sendall(HELLO + b"\x81\xfe" + len(text).to_bytes(2, "big")
              + bytes(4) + text)
    got = b""
    while b"auth_success" not in got:
        part = c.recv(4096)
        if not part:
            raise RuntimeError("refused: %r" % got)
        got += part
    return c


def connections(h):
    return json.loads(h.ask("GET", "/health").split("\r\n\r\n")[1])[
        "connections"]


def private(h):
    """Private memory in kB."""
    with open("/proc/%d/smaps_rollup" % h.proc.pid) as f:
        return sum(int(line.split()[1]) for line in f
                   if line.startswith(("Private_Dirty:", "Private_Clean:")))


def cpu_s(h):
    with open("/proc/%d/stat" % h.proc.pid) as f:
        rest = f.read().rsplit(")", 1)[1].split()
    return (int(rest[11]) + int(rest[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10000)
