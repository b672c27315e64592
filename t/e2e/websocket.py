#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""WebSockets through NGINX: admission, what the hub is told, a reload under
sockets, the hub's state in health and metrics."""

import asyncio
import json
import os
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))


import procs
import stack
import tap
from procs import wait_until
import ws as websockets  # whatever its version

PATH = "/api/v1/conversations/ws"
SOCKETS = tap.size(200, 2000)
SPREAD_S = 4
UPGRADE = {"Upgrade": "websocket", "Connection": "upgrade",
           "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


def main(t):
    h2 = procs.free_port()

    def edit(name, text):
        return (text.replace("hub.sock;\npytake_thread",
                             "hub.sock spread=%ds;\npytake_thread" % SPREAD_S)
                .replace("    access_log", "    listen 127.0.0.1:%d http2;\n\n"
                         "    access_log" % h2, 1))

    with stack.Stack(conf_edit=edit) as s:
        h = s.serve(name="hub")
        asyncio.run(admitted(t, s))
        asyncio.run(refused(t, s))
        http2(t, h2)
        told(t, s)
        logged(t, s)
        asyncio.run(asyncio.wait_for(reload(t, s), tap.size(120, 600)))
        door(t, h)
        s.check_logs(t)
        away(t, s, h)
        off(t, s, h)
        bad = [x for x in s.log_faults() if "hub.sock failed" not in x]
        t.eq(bad, [], "none but nginx's own about the hub's socket after")


def door(t, h):
    """NGINX tries again and again: it never meets a socket of the hub that
    is not for it yet."""
    group = os.stat(h.socket).st_gid
    met, going = [], [True]

    def look():
        while going[0]:
            try:
                met.append(os.stat(h.socket).st_gid)
            except FileNotFoundError:
                pass

    th = threading.Thread(target=look)
    th.start()
    for _ in range(20):
        h.kill()
        h.start()
    going[0] = False
    th.join()
    t.eq((set(met), [n for n in os.listdir(os.path.dirname(h.socket))
                     if n.startswith("hub.sock")]), ({group}, ["hub.sock", "hub.sock.lock"]),
         "the hub's socket is NGINX's from the first moment on")


class Client:
    """Follows a tenant's events over any number of connections."""

    def __init__(self, s, token, header):
        self.s, self.token, self.header = s, token, header
        self.seqs, self.others = [], []
        self.since = None
        self.ws = self.task = None
        self.closes = []  # (when, code)
        self.resync = False
        self.leaving = False

    async def open(self, **more):
        headers = dict(more.pop("headers", {}))
        uri = "ws://127.0.0.1:%d%s" % (self.s.port, PATH)
        if self.header:
            headers["Authorization"] = "Bearer " + self.token
            if self.since:
                uri += "?since=%d&id=%s" % (self.since["seq"],
                                            self.since["id"])
        self.ws = await websockets.connect(
            uri, extra_headers=headers, open_timeout=20, max_size=None,
            compression=None, **more)
        if not self.header:
            m = {"type": "auth", "token": self.token}
            if self.since:
                m["since"] = self.since
            await self.ws.send(json.dumps(m))
        while True:
            m = json.loads(await asyncio.wait_for(self.ws.recv(), 20))
            if m.get("type") == "auth_success":
                break
            self.others.append(m)
        if self.since is None:
            self.since = m["data"]["since"]
        self.task = asyncio.ensure_future(self.read())
        return self

    async def read(self):
        try:
            async for text in self.ws:
                m = json.loads(text)
                if "seq" in m:
                    self.seqs.append(m["seq"])
                    self.since = {"seq": m["seq"], "id": m["id"]}
                else:
                    self.others.append(m)
                    self.resync |= m.get("type") == "resync"
        except websockets.ConnectionClosed:
            pass
        self.closes.append((time.monotonic(), self.ws.close_code))

    async def follow(self):
        """Comes back whenever it is sent away."""
        while not self.leaving:
            await self.task
            if self.leaving:
                return
            while True:
                await asyncio.sleep(random.random() * 0.2)
                try:
                    await self.open()
                    break
                except (OSError, websockets.WebSocketException,
                        asyncio.TimeoutError):
                    pass

    async def close(self):
        self.leaving = True
        await self.ws.close()
        await self.task


async def run(f, *args, **more):
    return await asyncio.get_running_loop().run_in_executor(
        None, lambda: f(*args, **more))


async def until(cond, what, timeout=20):
    end = time.monotonic() + timeout
    while not cond():
        if time.monotonic() > end:
            raise TimeoutError(what)
        await asyncio.sleep(0.01)


async def admitted(t, s):
    a = s.tenants[0]
    token = await run(s.token, a.agent)
    c = await Client(s, token, False).open(
        subprotocols=["pytake.v1"], origin="http://127.0.0.1:%d" % s.port)
    d = await Client(s, token, True).open()
    t.eq(c.ws.subprotocol, "pytake.v1", "the subprotocol is agreed on")
    t.ok(c.ws.response_headers.get("X-Request-Id", "").startswith("req_"),
         "the 101 has a request id", c.ws.response_headers)
    await run(s.say, a, "15550001", "hello")
    await until(lambda: c.seqs and d.seqs, "the event on both sockets")
    t.ok(True, "an event comes to both, authenticated by frame and by header")
    t.eq(c.seqs, d.seqs, "and it is the same")
    await d.ws.send("x" * 5000)
    await until(lambda: any(m.get("type") == "error" for m in d.others)
                or d.closes, "an answer to nonsense")
    t.ok(True, "frames larger than a proxy buffer pass")
    await c.close()
    await d.close()


async def refused(t, s):
    a = s.tenants[0]
    for what, headers, want in (
            ("a foreign origin", {"Origin": "https://evil.example"}, 403),
            ("a bad token", {"Authorization": "Bearer x"}, 401),
            ("an expired token", {"Authorization": "Bearer " + await run(
                s.token, a.agent, lifetime=-60)}, 401),
            ("no such session", {"Authorization": "Bearer " + await run(
                s.token, a.agent, sid=stack.uuid7())}, 401)):
        try:
            ws = await websockets.connect("ws://127.0.0.1:%d%s"
                                          % (s.port, PATH),
                                          extra_headers=headers)
            await ws.close()
            got = 101
        except websockets.InvalidStatusCode as e:
            got = e.status_code
        t.eq(got, want, "%s: %d" % (what, want))


def http2(t, port):
    out = subprocess.run(
        ["curl", "-s", "-m", "10", "--http2-prior-knowledge", "-w",
         "\n%{http_version} %{http_code}", "http://127.0.0.1:%d%s"
         % (port, PATH)], stdout=subprocess.PIPE, text=True).stdout
    t.ok(out.endswith("\n2 426") and '"upgrade_required"' in out,
         "over HTTP/2: 426", out)


def told(t, s):
    c = s.client()
    r = c.get("/health")
    t.ok(r.json["services"]["websocket"] is True, "health sees the hub", r)
    text = c.get("/metrics").body.decode()
    t.ok("\npytake_hub_up 1\n" in text, "metrics see the hub")
    t.ok("websocket_connections_active" in text
         and "pytake_requests_total" in text, "and have its metrics", text)
    names = [line.split()[2] for line in text.splitlines()
             if line.startswith("# TYPE")]
    t.eq(len(names), len(set(names)), "no metric is declared twice")


def logged(t, s):
    def lines():
        with open(s.nginx.access_log) as f:
            return [json.loads(x) for x in f
                    if '"op":"websocket"' in x and '"status":101' in x]
    wait_until(lambda: len(lines()) >= 2, 10, "the access log")
    users = {x["user"] for x in lines()}
    t.ok(s.tenants[0].agent.id in users and "" in users,
         "the access log has a line at a socket's end, with the user if "
         "there was a header", users)


async def reload(t, s):
    a = s.tenants[0]
    users = [a.agent]
    while len(users) * 8 < SOCKETS:
        users.append(await run(s.add_user, a, "agent"))
    tokens = [await run(s.token, u) for u in users]
    clients = [Client(s, tokens[i // 8], i % 2 == 0) for i in range(SOCKETS)]
    for i in range(0, SOCKETS, 10):
        await asyncio.gather(*(c.open() for c in clients[i:i + 10]))
    begin = min(c.since["seq"] for c in clients)
    t.eq(int(await run(s.metric, "websocket_connections_active")), SOCKETS,
         "%d sockets" % SOCKETS)
    tasks = [asyncio.ensure_future(c.follow()) for c in clients]

    stop = False

    async def talk():
        n = 0
        while not stop:
            await run(s.say, a, "1555%04d" % (n % 50), "hello %d" % n)
            n += 1
    talker = asyncio.ensure_future(talk())

    began = time.monotonic()
    old = await run(s.nginx.reload)
    await until(lambda: all(c.closes for c in clients), "every socket was "
                "sent away", SPREAD_S + 15)
    times = sorted(c.closes[0][0] - began for c in clients)
    codes = {code for c in clients for _, code in c.closes}
    t.eq(codes, {4200}, "all were closed with 4200")
    t.ok(times[-1] < SPREAD_S + 6, "within the spread", times[-1])
    t.ok(times[-1] - times[0] > SPREAD_S * 0.5
         and times[int(len(times) * 0.9)] - times[int(len(times) * 0.1)]
         > SPREAD_S * 0.4, "with pace", times)
    await until(lambda: not any(procs.is_alive(p) for p in old),
                "old workers are gone", 15)
    t.ok(time.monotonic() - began < SPREAD_S + 15,
         "old workers leave in time", time.monotonic() - began)
    t.ok(not s.nginx.log_lines(r"open socket #"), "and left no socket behind")

    stop = True
    await talker
    head = (await run(s.sql, "SELECT seq FROM tenant_event_head WHERE "
                      "tenant_id = %s", (a.id,)))[0][0]
    await until(lambda: all(c.since["seq"] == head for c in clients),
                "all are at the head", 30)
    holes = [c for c in clients if sorted(set(c.seqs))
             != list(range(begin + 1, head + 1))]
    t.eq(len(holes), 0, "nothing was missed: %d events" % (head - begin))
    t.ok(all(c.seqs == sorted(c.seqs) for c in clients), "nothing came in "
         "another order")
    t.ok(not any(c.resync for c in clients), "nobody had to start again")
    await asyncio.gather(*(c.close() for c in clients))
    await asyncio.gather(*tasks)


def away(t, s, h):
    h.stop()
    c = s.client()

    def degraded():
        r = c.get("/health")
        return r.status == 200 and r.json["status"] == "degraded" \
            and r.json["services"]["websocket"] is False
    wait_until(degraded, 5, "health without the hub")
    t.ok(True, "without the hub health is degraded, and 200")
    t.ok("pytake_hub_up 0" in c.get("/metrics").body.decode(),
         "metrics say so")
    r = c.request("GET", PATH, headers=UPGRADE)
    t.ok(r.status == 503 and r.code == "service_unavailable",
         "an upgrade is 503", r)
    h.start()
    wait_until(lambda: c.get("/health").json["services"]["websocket"], 5,
               "health with the hub back")
    t.ok(True, "it is back")


def off(t, s, h):
    """WEBSOCKET_ENABLED=false: the hub itself refuses, with the id that NGINX
    has of the request."""
    h.stop()
    h.more["WEBSOCKET_ENABLED"] = "false"
    h.start()
    r = s.client().request("GET", PATH, headers={**UPGRADE,
                                                 "X-Request-Id": "off-1"})
    t.eq((r.status, r.code, r.json.get("request_id"), r.json.get("detail")),
         (404, "not_found", "off-1", "Not found"), "the hub is off: 404")
    h.stop()
    del h.more["WEBSOCKET_ENABLED"]
    h.start()


if __name__ == "__main__":
    tap.run(main)
