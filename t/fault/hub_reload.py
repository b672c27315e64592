#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Under thousands of sockets and a stream of events: NGINX reloads, the
sidecar is told to go (SIGTERM) and starts again, or is killed at once.
Sockets are sent away with pace, all come back by since, nothing is missed,
old workers go."""

import asyncio
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import procs
import stack
import tap
import ws

SOCKETS = tap.size(400, 2000)
A_USER = 8
SPREAD_S = 8  # what conf/ and the sidecar have


def main(t):
    with stack.Stack() as s:
        h = s.serve(name="hub")
        asyncio.run(asyncio.wait_for(all_of(t, s, h), tap.size(300, 1500)))
        s.check_logs(t)


async def all_of(t, s, h):
    crowd, talk = [], None
    try:
        await come(s, crowd)
        t.eq(int(await ws.run(s.metric, "websocket_connections_active")),
             SOCKETS, "%d sockets through NGINX" % SOCKETS)
        for part in (reload, goes, reload_twice, dies):
            t.head(part.__name__)
            for _, clients in crowd:
                for c in clients:
                    c.opens, c.closes, c.others = [], [], []
                    c.refusals, c.events = [], []
                    c.begin = c.since["seq"]
            talk = await ws.run(ws.Talk, s, s.tenants, 0.1)
            await talk.more(4)
            await part(t, s, h, [c for _, cs in crowd for c in cs], talk)
            await talk.stop()
            for tenant, clients in crowd:
                await ws.check(t, s, tenant, clients, part.__name__, 60)
                t.ok(not any(c.said("resync") for c in clients),
                     part.__name__ + ": nobody had to start again")
            t.ok(not talk.odd, part.__name__ + ": every request was served",
                 talk.odd[:3])
        await asyncio.gather(*(c.close() for _, cs in crowd for c in cs))
    finally:
        # What failed must not wait for those who still talk and listen.
        if talk is not None:
            talk.going = False
        for _, clients in crowd:
            for c in clients:
                if c.task is not None and not c.task.done():
                    c.abort()


async def come(s, out):
    each = SOCKETS // len(s.tenants)
    for tenant in s.tenants:
        users = [await ws.run(s.add_user, tenant)
                 for _ in range(each // A_USER)]
        tokens = [await ws.run(s.token, u) for u in users]
        out.append((tenant, [ws.Client(s, users[i // A_USER],
                                       tokens[i // A_USER],
                                       header=i % 2 == 0)
                             for i in range(each)]))
        for i in range(0, each, 20):
            await asyncio.gather(*(c.start() for c in out[-1][1][i:i + 20]))


async def away(clients, seconds):
    """Until all were sent away once, and all are back."""
    await ws.until(lambda: all(c.closes for c in clients),
                   lambda: "%d of them not sent away" % sum(
                       not c.closes for c in clients), seconds)
    await back(clients)


async def back(clients):
    await ws.until(lambda: all(c.live for c in clients),
                   lambda: "%d not back: %s" % (
                       sum(not c.live for c in clients),
                       [c.words() for c in clients if not c.live][:3]),
                   SPREAD_S + 60)


def paced(t, clients, began, name):
    at = sorted(c.closes[0][0] - began for c in clients)
    t.eq({c.closes[0][1] for c in clients}, {4200},
         name + ": all were closed with 4200")
    t.ok(all(c.said("reconnect") for c in clients),
         name + ": all were told before",
         lambda: [c.words() for c in clients if not c.said("reconnect")][:3])
    t.ok(at[-1] < SPREAD_S + 4, name + ": within the spread", at[-1])
    most = max(sum(x <= y < x + 1 for y in at) for x in at)
    t.ok(most < len(at) / 2, name + ": with pace",
         "%d of %d in one second" % (most, len(at)))
    t.note("%d closes in %.1f to %.1f s, at most %d in a second"
           % (len(at), at[0], at[-1], most))


async def reload(t, s, h, clients, talk):
    began = time.monotonic()
    old = await ws.run(s.nginx.reload)
    gone = asyncio.ensure_future(end(old))
    await away(clients, SPREAD_S + 20)
    paced(t, clients, began, "reload")
    await leave(t, s, gone, began)


async def end(old):
    """When the last of them ended, however long the clients take to come
    back."""
    await ws.wait(lambda: not any(procs.is_alive(p) for p in old),
                  "the old workers' end", SPREAD_S + 60)
    return time.monotonic()


async def leave(t, s, gone, began):
    took = await gone - began
    t.ok(took < SPREAD_S + 15 + 5, "old workers are gone", "%.1f s" % took)
    t.ok(len(s.nginx.workers()) == s.workers, "as many as before")


async def reload_twice(t, s, h, clients, talk):
    """Who has just been sent away is sent away again."""
    began = time.monotonic()
    old = await ws.run(s.nginx.reload)
    await ws.until(lambda: sum(bool(c.closes) for c in clients)
                   > len(clients) / 3, "a third has gone", SPREAD_S + 20)
    old += await ws.run(s.nginx.reload)
    gone = asyncio.ensure_future(end(old))
    await ws.until(lambda: all(c.closes for c in clients), "all have gone",
                   SPREAD_S + 20)
    await leave(t, s, gone, began + SPREAD_S)
    await back(clients)
    codes = {code for c in clients for _, code in c.closes}
    t.eq(codes, {4200}, "twice: all were closed with 4200")


async def goes(t, s, h, clients, talk):
    began = time.monotonic()
    h.proc.terminate()
    await ws.until(lambda: all(c.closes for c in clients),
                   lambda: "%d of them not sent away" % sum(
                       not c.closes for c in clients), SPREAD_S + 20)
    paced(t, clients, began, "SIGTERM")
    await ws.run(h.proc.wait, 20)
    t.eq(h.proc.returncode, 0, "SIGTERM: it ends with 0")
    await talk.more(8)
    await ws.run(h.start)
    await back(clients)


async def dies(t, s, h, clients, talk):
    for _ in range(2):
        for c in clients:
            c.closes = []
        await ws.run(h.kill)
        await ws.until(lambda: all(c.closes for c in clients),
                       lambda: "%d of them not told" % sum(
                           not c.closes for c in clients), 20)
        await talk.more(4)
        await ws.run(h.start)
        await back(clients)
        await talk.more(4)


if __name__ == "__main__":
    tap.run(main)
