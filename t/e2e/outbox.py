#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The courier's statements on a real PostgreSQL: what a claim costs beside a
stopped number with a great backlog, who goes first, what is late, and which
claim may be given back."""

import datetime
import os
import subprocess
import sys
import threading
import uuid

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cluster  # noqa: E402
import statements  # noqa: E402
import tap  # noqa: E402
from cluster import connect, one, sql  # noqa: E402

BACKLOG = 50000
NUMBERS = 1000
FRESH = 3000
ROW_BUFFERS = 60   # of a claimed row: its five indexes, and what its call needs
IDLE_BUFFERS = 60  # a claim of nothing, 1,000 active numbers
NOW = datetime.datetime.now(datetime.timezone.utc)
ME, OTHER = str(uuid.uuid4()), str(uuid.uuid4())


class Statements:
    """courier.sql by name, on one connection of the service."""

    def __init__(self, url):
        self.c = connect(url)
        self.cur = self.c.cursor()
        cluster.enter(self.cur, "service")
        for s in statements.read().values():
            if s.file == "courier.sql":
                self.cur.execute(s.prepare())

    def call(self, name, *args, explain=""):
        marks = ", ".join(["%s"] * len(args))
        self.cur.execute("%s EXECUTE %s (%s)" % (explain, name, marks), args)
        return self.cur.fetchall() if self.cur.description else None

    def claim(self, most, by=ME, waits=(), now=NOW):
        """The config and message ids that are claimed, in order."""
        return [(r[2], r[1]) for r in self.call(
            "outbox_claim", now, most, by,
            "{%s}" % ",".join(waits))]

    def buffers(self, name, *args):
        """How many pages a statement touches; it is rolled back."""
        self.cur.execute("BEGIN")
        plan = self.call(name, *args,
                         explain="EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)")
        self.cur.execute("ROLLBACK")
        plan = plan[0][0][0]["Plan"]
        return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


class Town:
    """A tenant with numbers."""

    def __init__(self, url):
        self.url = url
        self.id = str(uuid.uuid4())
        self.next = 0
        sql(url, "INSERT INTO tenants (id, name) VALUES (%s, %s)", self.id,
            "t " + self.id)

    def number(self, status="active"):
        cid = str(uuid.uuid4())
        sql(self.url, "INSERT INTO whatsapp_configs (tenant_id, id, name, "
            "phone_number_id, waba_id, display_phone_number, status) VALUES "
            "(%s, %s, 'n', %s, '1', '+1', %s)", self.id, cid,
            str(uuid.uuid4().int)[:15], status)
        return cid

    def put(self, config, lane=0, late_s=5, conv=None):
        """One message that is due; its id.  Ids rise."""
        self.next += 1
        mid = str(uuid.UUID(int=(0x019 << 116) | 7 << 76 | 8 << 60
                            | self.next))
        conv = conv or str(uuid.uuid4())
        sql(self.url, "INSERT INTO messages (tenant_id, id, conversation_id, "
            "sender_type, content, created_at, received_at) VALUES (%s, %s, "
            "%s, 'agent', 'x', now(), now())", self.id, mid, conv)
        sql(self.url, "INSERT INTO outbox (tenant_id, message_id, "
            "conversation_id, whatsapp_config_id, lane, next_attempt_at, "
            "created_at) VALUES (%s, %s, %s, %s, %s, %s, %s)", self.id, mid,
            conv, config, lane, NOW - datetime.timedelta(seconds=late_s), NOW)
        return mid

    def backlog(self, config, n, hours=2):
        sql(self.url, "INSERT INTO outbox (tenant_id, message_id, "
            "conversation_id, whatsapp_config_id, next_attempt_at, "
            "created_at) SELECT %s, gen_random_uuid(), gen_random_uuid(), "
            "%s, now() - make_interval(hours => %s), now() FROM "
            "generate_series(1, %s)", self.id, config, hours, n)

    def clear(self):
        sql(self.url, "DELETE FROM outbox")

    def row(self, mid, what):
        return one(self.url, "SELECT %s FROM outbox WHERE message_id = "
                   "'%s'" % (what, mid))


def cost(t, town, st):
    for _ in range(NUMBERS):
        town.number()
    sql(town.url, "VACUUM ANALYZE")

    def both(name, *args):
        """With a plan for these values, and with one for any."""
        out = []
        for mode in ("force_custom_plan", "force_generic_plan"):
            st.cur.execute("SET plan_cache_mode = " + mode)
            st.buffers(name, *args)  # catalogues, hint bits
            out.append(st.buffers(name, *args))
        st.cur.execute("RESET plan_cache_mode")
        return out

    idle = both("outbox_claim", NOW, 64, ME, "{}")
    t.ok(max(idle) <= IDLE_BUFFERS,
         "an idle claim beside %d numbers touches few pages" % NUMBERS, idle)
    t.note("idle: %s pages" % idle)

    stopped, active = town.number("stopped"), town.number()
    town.backlog(stopped, BACKLOG)
    mine = [town.put(active) for _ in range(10)]
    for stage in ("as it is", "analysed"):
        got = both("outbox_claim", NOW, 64, ME, "{}")
        t.ok(max(got) <= 10 * ROW_BUFFERS,
             "%d rows of a stopped number: a claim of ten touches few pages "
             "(%s)" % (BACKLOG, stage), got)
        t.note("a claim of ten, %s: %s pages" % (stage, got))
        sql(town.url, "VACUUM ANALYZE")

    st.cur.execute("BEGIN")
    t.eq(st.claim(64), [(active, m) for m in mine],
         "and claims what is another's")
    st.cur.execute("ROLLBACK")
    late = st.call("outbox_count", NOW, 10000)[0]
    t.eq((late[0], late[1]), (10000, 5),
         "the stopped number's rows wait, and are not late")
    sql(town.url, "UPDATE whatsapp_configs SET status = 'active' WHERE "
        "id = %s", stopped)
    got = both("outbox_claim", NOW, 64, ME, "{}")
    t.ok(max(got) <= 64 * ROW_BUFFERS,
         "a great backlog of an active number: a claim of 64 touches few "
         "pages", got)
    t.note("a claim of 64: %s pages" % got)
    st.cur.execute("BEGIN")
    got = st.claim(64)
    st.cur.execute("ROLLBACK")
    t.eq((len(got), sum(1 for c, _ in got if c == active)), (64, 10),
         "and leaves the other number its turns")
    st.cur.execute("BEGIN")
    got = st.claim(64, waits=[stopped])
    st.cur.execute("ROLLBACK")
    t.eq({c for c, _ in got}, {active}, "a number on pause is not claimed")
    town.clear()


def order(t, town, st):
    a, b = town.number(), town.number()
    bulk = [town.put(a, lane=1, late_s=900) for _ in range(3)]
    live = [town.put(a, late_s=60) for _ in range(5)] + \
           [town.put(b, late_s=1)]
    got = [m for _, m in st.claim(4)]
    t.ok(not set(got) & set(bulk) and live[5] in got,
         "live goes before bulk, and every number's first before anybody's "
         "second", got)
    t.eq(sorted(m for _, m in st.claim(64)), sorted(
        (set(live) | set(bulk)) - set(got)), "then the rest")
    town.clear()
    conv = str(uuid.uuid4())
    first, second = town.put(a, conv=conv), town.put(a, conv=conv)
    t.eq(st.claim(64), [(a, first)], "only a conversation's oldest")
    sql(town.url, "UPDATE outbox SET claimed_at = NULL, next_attempt_at = "
        "%s WHERE message_id = %s", NOW + datetime.timedelta(minutes=9),
        first)
    sql(town.url, "UPDATE outbox SET next_attempt_at = %s WHERE message_id "
        "= %s", NOW - datetime.timedelta(hours=3), second)
    t.eq((st.claim(64), st.call("outbox_count", NOW, 10)[0][1]), ([], 0),
         "who waits behind a retry is neither claimed nor late")
    town.clear()


def together(t, town, st):
    """Two claims at once share what is due."""
    a = town.number()
    mine = {town.put(a) for _ in range(20)}
    other = Statements(town.url)
    other.cur.execute("SET lock_timeout = '5s'")  # a failure, not a hang
    st.cur.execute("BEGIN")
    got = st.claim(8)
    more = other.claim(8, by=OTHER)
    st.cur.execute("COMMIT")
    t.ok(len(got) == len(more) == 8 and not set(got) & set(more),
         "a claim under way locks nobody out", (got, more))
    rest = [None] * 4

    def one_more(i):
        s = Statements(town.url)
        rest[i] = s.claim(1)
    threads = [threading.Thread(target=one_more, args=(i,))
               for i in range(len(rest))]
    for th in threads:
        th.start()
    for th in threads:
        th.join(30)
    got = [m for part in [got, more] + rest for _, m in part]
    t.ok(len(got) == len(set(got)) and set(got) <= mine,
         "nothing is claimed twice", got)
    town.clear()


def fresh(t, town, st):
    """Claims while messages come: what is claimed is read whole."""
    a = town.number()
    going = threading.Event()
    c = connect(town.url)
    cur = c.cursor()

    def write():
        for _ in range(FRESH):
            cur.execute("""
                WITH m AS (
                    INSERT INTO messages (tenant_id, id, conversation_id,
                        sender_type, content, created_at, received_at)
                    VALUES (%s, gen_random_uuid(), gen_random_uuid(),
                        'agent', 'x', now(), now())
                    RETURNING tenant_id, id, conversation_id)
                INSERT INTO outbox (tenant_id, message_id, conversation_id,
                    whatsapp_config_id, next_attempt_at, created_at)
                SELECT tenant_id, id, conversation_id, %s, %s, now()
                FROM m""", (town.id, a, NOW))
        going.set()
    th = threading.Thread(target=write)
    th.start()
    seen, done = [], False
    while not done:
        done = going.is_set()
        seen += st.call("outbox_claim", NOW, 64, ME, "{}")
    th.join()
    c.close()
    t.ok(len(seen) == FRESH and {r[6] for r in seen} == {"pending"},
         "%d messages claimed as they came, none without its text" % FRESH,
         {r[6] for r in seen})
    town.clear()


def give_back(t, town, st):
    a = town.number()
    mid = town.put(a, late_s=60)
    event = str(uuid.uuid4())
    at = NOW - datetime.timedelta(seconds=20)
    error = '{"code":"outcome_unknown"}'

    def again(claim, had):
        st.call("courier_again", town.id, mid, ME, claim, NOW, None, 1,
                bool(had))
        return town.row(mid, "claimed_by IS NULL AND unknown_at IS NULL")
    st.claim(1, now=at)
    t.eq(len(st.call("courier_unknown", town.id, mid, error, event, "{}",
                     NOW, ME, at)), 1, "an unknown outcome is told")
    t.ok(not again(at, 0), "an old list of claims cannot give back what "
         "became unknown meanwhile")
    t.ok(not again(at - datetime.timedelta(seconds=1), 1),
         "nor can the owner of an earlier claim")
    t.ok(again(at, 1), "who had it in hand can")
    st.claim(1, now=NOW)
    t.ok(not again(at, 1), "but not the claim after")
    t.ok(again(NOW, 0), "a claim that made no call is given back")
    town.clear()


def unknown(t, town, st):
    """Perhaps it was sent: nobody sends it again."""
    mid = town.put(town.number())
    st.claim(1)
    st.call("courier_unknown", town.id, mid, '{"code":"outcome_unknown"}',
            str(uuid.uuid4()), "{}", NOW, ME, NOW)
    t.eq([st.claim(9, by=by, now=NOW + datetime.timedelta(hours=h))
          for by in (ME, OTHER) for h in (0, 1, 23)], [[]] * 6,
         "an unknown outcome is not claimed again, however late")
    town.clear()


def overtaken(t, town, st):
    """A receipt was faster than the answer to the call."""
    mid = town.put(town.number())
    st.claim(1)
    sql(town.url, "UPDATE messages SET status = 'delivered' WHERE id = %s",
        mid)
    told = st.call("courier_sent", town.id, mid, "wamid.1",
                   str(uuid.uuid4()), "{}", NOW)
    t.eq((told, sql(town.url, "SELECT status::text, whatsapp_message_id "
                    "FROM messages WHERE id = %s", mid)),
         ([], [("delivered", "wamid.1")]),
         "an answer behind its receipt takes nothing back and tells nothing")
    t.eq(st.claim(1, now=NOW + datetime.timedelta(hours=1)), [],
         "nor does the message wait any longer")
    town.clear()


def wait(t, town, st):
    mid = town.put(town.number())
    error = '{"code":130429,"title":"slow","detail":""}'

    def refused():
        st.claim(1)
        return st.call("courier_wait", town.id, mid, error,
                       str(uuid.uuid4()), "{}", NOW, ME, NOW, NOW)
    t.eq((refused(), town.row(mid, "attempts"),
          town.row(mid, "last_error ->> 'code'")), ([], 0, "130429"),
         "a wait does not count, nor is it told at once")
    sql(town.url, "UPDATE outbox SET created_at = created_at - "
        "interval '2 minutes'")
    t.eq((len(refused()), len(refused())), (1, 0),
         "after a minute it is, once")
    t.eq(sql(town.url, "SELECT status::text, error ->> 'code' FROM messages "
             "WHERE id = %s", mid), [("pending", "130429")],
         "the message waits and says why")
    town.clear()


def main(t):
    with cluster.Cluster("outbox") as here:
        url = here.database()
        p = subprocess.run([cluster.pytake(), "migrate", "--database-url",
                            url], capture_output=True, text=True, timeout=60)
        if not t.ok(p.returncode == 0, "migrate", p.stdout + p.stderr):
            return
        town = Town(url)
        st = Statements(url)
        for part in (order, together, fresh, give_back, unknown, overtaken,
                     wait, cost):
            t.head(part.__name__.replace("_", " "))
            part(t, town, st)


if __name__ == "__main__":
    tap.run(main)
