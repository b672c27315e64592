#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""A database put back to an earlier copy: whoever has had what is no more is
told "resync", connected or coming back, nobody is silently ahead, nobody
else is disturbed.  Events that expire under a reader: the same word."""

import asyncio
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import procs
import stack
import tap
import ws

PHONE = "15550001"


def main(t):
    with stack.Stack(tenants=3) as s:
        h = s.serve(name="hub")
        for part in (put_back, put_back_busy, put_back_unseen,
                     put_back_by_command, expired, expired_slow):
            t.head(part.__name__)
            asyncio.run(asyncio.wait_for(part(t, s, h), 120))
        t.ok(h.proc.poll() is None, "the hub has lived through it", h.words)
        bad = [x for x in s.log_faults()]
        t.ok(not bad, "no alert, no emergency in the logs", bad[:5])


class Copy:
    """The data folder as it was, and its return."""

    def __init__(self, s):
        self.s, self.path = s, s.pg.data + ".copy"
        s.pg.stop()
        shutil.rmtree(self.path, ignore_errors=True)
        self.take(s.pg.data, self.path)
        s.pg.restart()

    def put_back(self):
        self.s.pg.stop()
        shutil.rmtree(self.s.pg.data)
        self.take(self.path, self.s.pg.data)
        self.s.pg.restart()

    def take(self, a, b):
        shutil.copytree(a, b, symlinks=True)
        os.chmod(b, 0o700)
        self.s.pg._own(b)


async def say(s, tenant, n):
    for i in range(n):
        await ws.run(s.say, tenant, PHONE, "hello %d" % i)


async def join(s, tenant, token=None, **more):
    """A session made after the copy would go with it: such a client needs a
    token that is older."""
    token = token or await ws.run(s.token, tenant.agent)
    return await ws.Client(s, tenant.agent, token, **more).start()


async def resynced(t, s, tenant, c, name, reason="rewound", head=None):
    """head: the only place it may start from; else any event of the log."""
    try:
        await ws.until(lambda: c.said("resync"), "resync", 10)
    except TimeoutError:
        return t.ok(False, name, c.words())
    d = c.said("resync")[-1]["data"]
    if head:
        return t.eq((d["reason"], d["since"]), (reason, head), name)
    log = await ws.run(ws.log_of, s, tenant)
    there = log.get(d["since"]["seq"])
    return t.ok(d["reason"] == reason and there
                and ws.parse(there)["id"] == d["since"]["id"], name, d)


async def onwards(t, s, tenant, clients, name):
    """From the head on everything, and nothing that is not the log's."""
    await say(s, tenant, 5)
    behind = await ws.at_head(s, tenant, clients, 10)
    log = await ws.run(ws.log_of, s, tenant)
    bad = []
    for c in clients:
        after = [x for x in c.others if x[1].get("type") == "resync"]
        mark = after[-1][0] if after else 0
        have = [(ws.parse(text)["seq"], text) for when, text, _ in c.events
                if when > mark and ws.parse(text)["seq"] > c.begin]
        if have != sorted((q, f) for q, f in log.items() if q > c.begin):
            bad.append((c.begin, [q for q, _ in have], c.words()))
    t.ok(not bad and not behind, name, lambda: "%d behind, head %s, %s"
         % (behind, max(log), str(bad)[:2000]))


async def put_back(t, s, h):
    """One tenant went on after the copy, one did not."""
    a, quiet = s.tenants[:2]
    await say(s, a, 20)
    await say(s, quiet, 5)
    cs = [await join(s, a, header=i % 2 == 0) for i in range(4)]
    q = await join(s, quiet)
    old = await join(s, a)  # leaves with what the copy has, too
    token = await ws.run(s.token, a.agent)
    copy = await ws.run(Copy, s)
    await old.close()
    same = await join(s, a, token)
    await say(s, a, 3)  # leaves in the middle of what will not be
    await ws.at_head(s, a, [same])
    await same.close()
    await say(s, a, 17)
    gone = await join(s, a, token, header=True)
    await ws.at_head(s, a, cs + [gone])
    await gone.close()
    last = gone.since["seq"]
    await ws.run(copy.put_back)
    head = await ws.run(ws.head_of, s, a)
    t.ok(head["seq"] == last - 20, "20 events are no more",
         "%s %d" % (head, last))
    for i, c in enumerate(cs):
        await resynced(t, s, a, c, "connected: resync to the head", head=head)
    await gone.start()
    await resynced(t, s, a, gone, "back with what is ahead of the head: "
                   "resync", head=head)
    await say(s, a, 10)
    await same.start()
    await resynced(t, s, a, same, "back with a seq that is there again, of "
                   "another event: resync")
    await old.start()
    await onwards(t, s, a, cs + [gone, same, old],
                  "from there on they have each event as it is in the log")
    t.ok(not old.said("resync") and old.seqs() == list(range(
        old.begin + 1, old.since["seq"] + 1)),
        "who had no more than the copy resumes as if nothing had been",
        old.words())
    await onwards(t, s, quiet, [q], "the other tenant goes on")
    t.ok(not q.said("resync"), "without a resync")
    for c in cs + [gone, same, old, q]:
        await c.close()


async def put_back_busy(t, s, h):
    """As many events again before the hub looks: bells, not the poll."""
    a = s.tenants[0]
    cs = [await join(s, a) for _ in range(3)]
    copy = await ws.run(Copy, s)
    await say(s, a, 10)
    await ws.at_head(s, a, cs)
    await ws.run(copy.put_back)
    await say(s, a, 15)
    for c in cs:
        try:
            await ws.until(lambda: c.said("resync"), "resync", 10)
        except TimeoutError:
            pass
        t.ok(c.said("resync") and c.said("resync")[-1]["data"]["reason"]
             == "rewound", "overtaken before it was seen: resync", c.words())
    await onwards(t, s, a, cs, "and on from there")
    for c in cs:
        await c.close()


async def put_back_unseen(t, s, h):
    """The hub itself is new: it knows of no other past."""
    a = s.tenants[0]
    c = await join(s, a)
    d = await join(s, a)
    copy = await ws.run(Copy, s)
    await d.close()
    await say(s, a, 10)
    await ws.at_head(s, a, [c])
    await ws.run(h.kill)
    await ws.run(copy.put_back)
    await say(s, a, 12)
    head = await ws.run(ws.head_of, s, a)
    await ws.run(h.start)
    await d.start()
    await resynced(t, s, a, c, "it comes back to a hub that was not there: "
                   "resync", head=head)
    t.ok(not d.said("resync") and await ws.at_head(s, a, [d]) == 0,
         "who is not ahead resumes", d.words())
    await onwards(t, s, a, [c, d], "and on from there")
    await c.close()
    await d.close()


async def put_back_by_command(t, s, h):
    """pytake backup and restore, as docs/operations.md has it."""
    a = s.tenants[0]
    c = await join(s, a)
    d = await join(s, a)
    await say(s, a, 3)
    await ws.at_head(s, a, [c, d])
    file = os.path.join(s.dir, "backup")
    await ws.run(s.pytake, "backup", file)
    await d.close()
    await say(s, a, 10)
    await ws.at_head(s, a, [c])
    await c.close()
    await ws.run(h.stop)
    await ws.run(s.nginx.stop)

    def alone():
        conn = s.pg.connect("postgres")
        cur = conn.cursor()

        def left():
            cur.execute("SELECT count(pg_terminate_backend(pid)) FROM"
                        " pg_stat_activity WHERE datname = 'pytake'")
            return cur.fetchone()[0]
        procs.wait_until(lambda: left() == 0, 20, "the last connection")
        conn.close()

    await ws.run(alone)
    await ws.run(s.pytake, "restore", file, "--yes")
    await ws.run(s.nginx.start)
    await ws.run(h.start)
    await c.start()
    await resynced(t, s, a, c, "restored by command: who is ahead is told "
                   "resync")
    await d.start()
    t.ok(not d.said("resync") and await ws.at_head(s, a, [d]) == 0,
         "who is not resumes", d.words())
    await onwards(t, s, a, [c, d], "and on from there")
    await c.close()
    await d.close()


def fill(s, tenant, n, days=0, size=200):
    """n events by SQL, so many days ago."""
    s.sql("""
        WITH h AS (UPDATE tenant_event_head SET seq = seq + %(n)s,
                   id = gen_random_uuid() WHERE tenant_id = %(t)s
                   RETURNING seq, id),
        e AS (SELECT h.seq - %(n)s + i AS seq,
                     CASE WHEN i = %(n)s THEN h.id
                          ELSE gen_random_uuid() END AS id
              FROM h, generate_series(1, %(n)s) i)
        INSERT INTO event_log (tenant_id, seq, id, created_at, event, frame)
        SELECT %(t)s, seq, id, now() - make_interval(days => %(d)s),
               'message_received',
               '{"event":"message_received","data":{"x":"'
               || repeat('y', %(z)s) || '"},"seq":' || seq || ',"id":"' || id
               || '"}' FROM e RETURNING 1""",
          {"n": n, "t": tenant.id, "d": days, "z": size})


def partition(s, days):
    """The partition of so many days ago, made if it is not there."""
    name = s.one("SELECT 'event_log_old_' || to_char(now() - "
                 "make_interval(days => %s), 'YYYYMMDD')", (days,))
    s.sql("SELECT pytake_partition_add('event_log', %s, 'created_at', "
          "date_trunc('day', now() - make_interval(days => %s))::text, "
          "date_trunc('day', now() - make_interval(days => %s))::text)",
          (name, days, days - 1))
    return name


async def expired(t, s, h):
    """The partition with what comes next for a client that is away."""
    x = s.tenants[2]
    name = await ws.run(partition, s, 3)
    await ws.run(fill, s, x, 1500, 3)
    away = await join(s, x, since={"seq": 700, "id": None})
    await ws.until(lambda: len(away.events) >= 800, "800 events")
    await away.close()
    away.since = {"seq": 100, "id": ws.parse((await ws.run(
        ws.log_of, s, x))[100])["id"]}
    other = await join(s, x)
    await ws.run(fill, s, x, 3000)
    await ws.at_head(s, x, [other])
    await other.close()
    await ws.run(s.sql, "DROP TABLE %s" % name)
    head = await ws.run(ws.head_of, s, x)
    await away.start()
    await resynced(t, s, x, away, "what comes next has expired: resync, "
                   "expired", "expired", head)
    edge = await join(s, x, since={"seq": 1500, "id": None})
    await ws.until(lambda: len(edge.events) >= 3000, "3,000 events")
    t.ok(not edge.said("resync") and edge.seqs() == list(
        range(1501, 4501)), "who only needs what is there gets all of it")
    await onwards(t, s, x, [away, edge], "and on from there")
    await away.close()
    await edge.close()


async def expired_slow(t, s, h):
    """A connected client that reads nothing is behind the ring and what the
    hub has at hand; its next events are dropped: never a hole, but
    resync."""
    x = await ws.run(s.add_tenant, "Slow")
    name = await ws.run(partition, s, 5)
    slow = await join(s, x, sock=h.socket)
    other = await join(s, x)
    await ws.run(fill, s, x, 10, 5)  # whoever reads nothing waits here
    await ws.at_head(s, x, [slow, other])
    slow.reading.clear()
    for _ in range(4):
        n = len(other.events)
        await ws.run(fill, s, x, 500, 5, 32000)
        await ws.until(lambda: len(other.events) >= n + 500, "500 events", 30)
    await ws.run(s.sql, "DROP TABLE %s" % name)
    await ws.run(fill, s, x, 100)
    await ws.until(lambda: len(other.events) >= 2110, "100 events", 30)
    head = await ws.run(ws.head_of, s, x)
    slow.reading.set()
    await resynced(t, s, x, slow, "resync, expired", "expired", head=head)
    when = slow.others[-1][0]
    seqs = [ws.parse(e[1])["seq"] for e in slow.events if e[0] <= when]
    t.ok(seqs == list(range(1, len(seqs) + 1)) and len(seqs) < 2010,
         "what came before was whole, up to where it ended",
         "%d events" % len(seqs))
    t.note("%d events, then resync" % len(seqs))
    await onwards(t, s, x, [slow], "and on from there")
    await slow.close()
    await other.close()


if __name__ == "__main__":
    tap.run(main)
