# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""A WebSocket client that forgets nothing: every frame with its time and
connection, where it may resume, why it was sent away.  It comes back by
itself, as docs/hub.md asks of clients: at once and somewhere within the
spread after 42xx, later and later after anything else, never after 40xx.

    c = await ws.Client(s, user, token).start()
    await ws.until(lambda: len(c.events) > 3, "four events")
    ws.check(t, s, tenant, [c], "name")
"""

import asyncio
import json
import random
import threading
import time

import contract
import stack
import wa
import web

try:
    from websockets.legacy.client import connect, unix_connect
except ImportError:
    from websockets import connect, unix_connect
from websockets.exceptions import (ConnectionClosed, InvalidHandshake,
                                   InvalidStatusCode, WebSocketException)

PATH = "/api/v1/conversations/ws"
AWAY = (OSError, WebSocketException, asyncio.TimeoutError, EOFError)

_parsed = {}  # one object a text, however many clients have it


def parse(text):
    m = _parsed.get(text)
    if m is None:
        m = json.loads(text)
        if "seq" in m:
            _parsed[text] = m
    return m


async def run(f, *args, **more):
    return await asyncio.get_running_loop().run_in_executor(
        None, lambda: f(*args, **more))


async def until(cond, what, timeout=20.0):
    end = time.monotonic() + timeout
    while not cond():
        if time.monotonic() > end:
            raise TimeoutError(what() if callable(what) else what)
        await asyncio.sleep(0.01)


async def wait(cond, what, timeout=20.0):
    """until() for what blocks, as SQL does."""
    await run(stack.wait_until, cond, timeout, what)


class Client:
    def __init__(self, s, user, token, header=False, sock=None, since=None,
                 headers=None, follow=True, spread=None):
        """header: the token goes with the upgrade.  sock: the hub's own
        socket instead of NGINX.  spread: seconds, instead of what the hub
        asks for."""
        self.s, self.user, self.token = s, user, token
        self.header, self.sock, self.since = header, sock, since
        self.headers = dict(headers or {})
        self.follow, self.spread = follow, spread
        self.events = []  # (when, text, connection)
        self.others = []  # (when, message, connection)
        self.opens = []  # when
        self.closes = []  # (when, code)
        self.refusals = []  # HTTP status
        self.begin = None  # seq: what comes after it must come
        self.ws = self.task = None
        self.live = self.leaving = False
        self.asked = None  # spread of the last reconnect frame
        self.reading = asyncio.Event()  # cleared: it takes nothing
        self.reading.set()

    # -- life --

    async def start(self, wait=True):
        self.task = asyncio.ensure_future(self.life())
        if wait:
            await until(lambda: self.live or self.task.done(),
                        lambda: "auth_success: " + self.words(), 30)
            if self.task.done():
                self.task.result()
        return self

    async def life(self):
        again = 0.05
        while True:
            try:
                await self.once()
                again = 0.05
            except InvalidStatusCode as e:
                self.refusals.append(e.status_code)
                self.answered(e.status_code, e.headers)
            except AWAY:
                pass
            self.live = False
            code = self.closes[-1][1] if self.closes else 0
            if self.leaving or not self.follow or 4000 <= code < 4100:
                return
            if self.asked is not None:
                await asyncio.sleep(random.random() * self.asked)
                self.asked = None
            else:
                await asyncio.sleep(again * (0.5 + random.random()))
                again = min(again * 2, 1.0)

    async def once(self):
        headers, path = dict(self.headers), PATH
        if self.header:
            headers["Authorization"] = "Bearer " + self.token
            if self.since:
                path += "?since=%d" % self.since["seq"]
                if self.since.get("id"):
                    path += "&id=" + self.since["id"]
        more = {"extra_headers": headers, "max_size": None,
                "compression": None, "open_timeout": 20,
                "ping_interval": None, "close_timeout": 5}
        if self.sock:
            self.ws = await unix_connect(self.sock, uri="ws://hub" + path,
                                         **more)
        else:
            self.ws = await connect("ws://127.0.0.1:%d%s"
                                    % (self.s.port, path), **more)
            self.answered(101, self.ws.response_headers)
        self.opens.append(time.monotonic())
        try:
            if not self.header and self.token is not None:
                m = {"type": "auth", "token": self.token}
                if self.since:
                    m["since"] = self.since
                await self.ws.send(json.dumps(m))
            while True:
                await self.reading.wait()
                self.hear(await self.ws.recv())
        except ConnectionClosed:
            pass
        finally:
            code = self.ws.close_code
            if code is None:
                await self.ws.close()
                code = self.ws.close_code
            self.closes.append((time.monotonic(), code))

    def answered(self, status, headers):
        """How NGINX answered; the library keeps no body of a refusal."""
        if not self.sock:
            contract.heard("GET", PATH, status,
                           {k.lower(): v for k, v in headers.raw_items()},
                           None)

    def hear(self, text):
        now, m = time.monotonic(), parse(text)
        if "seq" in m:
            self.events.append((now, text, len(self.opens)))
            self.advance(m)
            return
        self.others.append((now, m, len(self.opens)))
        kind = m.get("type")
        if kind == "auth_success":
            self.live = True
            if self.begin is None:
                self.begin = m["data"]["since"]["seq"] \
                    if self.since is None else self.since["seq"]
            if self.since is None:
                self.since = m["data"]["since"]
        elif kind == "sync":
            self.advance(m["data"])
        elif kind == "resync":
            self.since = m["data"]["since"]
            self.begin = self.since["seq"]
        elif kind == "reconnect":
            self.asked = m["data"]["spread_ms"] / 1000 \
                if self.spread is None else self.spread

    def advance(self, m):
        if self.since is None or m["seq"] > self.since["seq"]:
            self.since = {"seq": m["seq"], "id": m["id"]}

    async def send(self, m):
        await self.ws.send(m if isinstance(m, str) else json.dumps(m))

    async def close(self):
        """Leaves; since stays, another start() goes on there."""
        self.leaving = True
        if self.ws is not None:
            await self.ws.close()
        if not self.live:
            self.task.cancel()
        await asyncio.wait([self.task])
        self.leaving = False

    def abort(self):
        """Leaves without a word, as who is killed does."""
        self.leaving = True
        self.live = False
        if self.ws is not None and self.ws.transport is not None:
            self.ws.transport.abort()
        self.task.cancel()

    # -- what was heard --

    @property
    def code(self):
        return self.closes[-1][1] if self.closes else None

    def seqs(self):
        return [parse(text)["seq"] for _, text, _ in self.events]

    def said(self, kind):
        return [m for _, m, _ in self.others
                if (m.get("type") or m.get("event")) == kind]

    def words(self):
        return "%d events, %s, closes %s, refusals %s" % (
            len(self.events), [m.get("type") or m.get("event")
                               for _, m, _ in self.others][-8:],
            [c for _, c in self.closes][-5:], self.refusals[-5:])

    def faults(self, log, whole=True):
        """What the log (seq: frame) has against this client: nothing it
        should have had may be missing, nothing be other than the log has
        it, nothing out of order; no event twice but over a reconnect."""
        out, last, have = [], {}, set()
        for when, text, conn in self.events:
            seq = parse(text)["seq"]
            if whole and log.get(seq) != text:
                out.append("seq %d is not what the log has" % seq)
            if seq <= last.get(conn, 0):
                out.append("seq %d after %d" % (seq, last[conn]))
            last[conn] = seq
            have.add(seq)
        miss = [q for q in log if q > self.begin and q not in have]
        if miss:
            out.append("%d missing: %s..." % (len(miss), sorted(miss)[:5]))
        return out


def log_of(s, tenant):
    """The oracle: seq to frame."""
    return dict(s.sql("SELECT seq, frame FROM event_log WHERE tenant_id = %s",
                      (tenant.id,)))


def head_of(s, tenant):
    r = s.sql("SELECT seq, id::text FROM tenant_event_head WHERE "
              "tenant_id = %s", (tenant.id,))[0]
    return {"seq": r[0], "id": r[1]}


async def at_head(s, tenant, clients, timeout=20.0):
    """Waits until every client has heard of the tenant's last event; how
    many never did."""
    head = await run(head_of, s, tenant)
    try:
        await until(lambda: all(c.since and c.since["seq"] >= head["seq"]
                                for c in clients), "the head", timeout)
        return 0
    except TimeoutError:
        return sum(not c.since or c.since["seq"] < head["seq"]
                   for c in clients)


async def check(t, s, tenant, clients, name, timeout=20.0):
    behind = await at_head(s, tenant, clients, timeout)
    log = await run(log_of, s, tenant)
    bad = [(i, f, c.words()) for i, c in enumerate(clients)
           for f in c.faults(log)]
    return t.ok(not bad and not behind,
                "%s: %d clients have each event of %d once, in order, as "
                "the log has it" % (name, len(clients), len(log)),
                lambda: "%d behind, %s" % (behind, bad[:5]))


class Talk(threading.Thread):
    """Customers and agents of the tenants given, until stop().  done has
    when what was acknowledged, by what the event tells of it."""

    def __init__(self, s, tenants, pause=0.02):
        super().__init__(daemon=True)
        self.s, self.pause = s, pause
        self.done, self.odd, self.slowest = {}, [], 0.0
        self.going = True
        self.tenants = [(x, s.client(s.token(x.agent)), self.first(x))
                        for x in tenants]
        self.start()

    def first(self, tenant):
        self.s.say(tenant, wa.phone(), "first")
        return self.s.one("SELECT id::text FROM conversations WHERE "
                          "tenant_id = %s ORDER BY id DESC LIMIT 1",
                          (tenant.id,))

    def run(self):
        while self.going:
            for tenant, client, conv in self.tenants:
                began, mid, key = time.monotonic(), wa.wamid(), stack.uuid7()
                self.persist(lambda: self.customer(tenant, mid, began))
                self.persist(lambda: self.agent(client, conv, key, began))
                time.sleep(self.pause)

    def persist(self, say):
        """As clients do: the same again when a connection is lost."""
        for _ in range(100):
            try:
                return say()
            except (OSError, web.Closed):
                time.sleep(0.05)
        self.odd.append("never answered")

    def customer(self, tenant, mid, began):
        self.note(self.s.say(tenant, wa.phone(), "hello", mid), began)

    def agent(self, client, conv, key, began):
        r = stack.patient(lambda: client.request(
            "POST", "/api/v1/conversations/%s/messages" % conv,
            body=b'{"content":"hello"}', headers={"Idempotency-Key": key}))
        if r.status == 201:
            self.note(r.json["id"], began)
        else:
            self.odd.append(repr(r))

    def note(self, what, began):
        now = time.monotonic()
        self.done[what] = now
        self.slowest = max(self.slowest, now - began)

    async def more(self, n, seconds=0.0):
        """Waits for n more, and for as long as that."""
        want, end = len(self.done) + n, time.monotonic() + seconds
        await until(lambda: len(self.done) >= want
                    and time.monotonic() >= end, "more to be said", 60)

    async def stop(self):
        self.going = False
        await run(self.join, 30)

    def late(self, clients):
        """Seconds from an acknowledgement to the first receipt, all
        clients', ascending."""
        out = []
        for c in clients:
            seen = set()
            for when, text, _ in c.events:
                data = parse(text)["data"]
                for k in ("whatsapp_message_id", "id"):
                    at = self.done.get(data.get(k))
                    if at is not None and data[k] not in seen:
                        seen.add(data[k])
                        out.append(max(0.0, when - at))
                        break
        return sorted(out)


def p99(numbers):
    return numbers[min(len(numbers) - 1, int(len(numbers) * 0.99))] \
        if numbers else float("inf")
