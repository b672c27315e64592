#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The commit before schema/migrations/0012_schema.sql, built from git: its
database, filled by its demo, is brought up to date while its workers, hub and
courier serve; then today's module and sidecar take their place, as
docs/operations.md says.  No request fails, no row is lost, no socket misses an
event, what was sent is on the phone once."""

import asyncio
import collections
import json
import os
import runpy
import subprocess
import sys

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import catalogue
import master
import older
import oldschema
import procs
import sim as simlib
import stack
import tap
import traffic
import wa
import ws
from stack import wait_until

CONV = traffic.CONV
NOW = stack.build_dir("build")
SOCKETS = 4

# What traffic goes on writing in rows that the demo made.
MOVING = {"tenant_event_head"}


def main(t):
    try:
        folder = older.tree()
    except older.Missing as why:
        t.skip("a database of the commit before", why)
        return
    t.eq(migrations(folder), [oldschema.text(n) for n in oldschema.FILES],
         "the commit's migrations are the twelve of t/schema")
    statements = runpy.run_path(os.path.join(
        folder, "t", "lib", "statements.py"))["read"]()
    s = master.stack_of(build=os.path.join(folder, "build"), tenants=0)
    s.app_secret = "5b1f0c7a94d2e68337af50c1b9e4d286"  # or doctor would complain
    with s:
        sim = demo(s)
        try:
            with master.daemon(s) as first:
                asyncio.run(asyncio.wait_for(
                    sockets(t, s, sim, first, statements), 300))
        finally:
            sim.stop()
        s.check_logs(t)


def migrations(folder):
    base = os.path.join(folder, "schema", "migrations")
    out = []
    for name in sorted(os.listdir(base)):
        with open(os.path.join(base, name), "rb") as f:
            out.append(f.read())
    return out


def demo(s):
    """The demo's companies are the stack's tenants, its phones the
    simulator's."""
    state = os.path.join(s.dir, "demo.json")
    made = json.loads(s.pytake("demo", "--state", state))
    with open(state) as f:
        tokens = json.load(f)["access_tokens"]
    for d in made:
        ten = stack.Tenant(d["id"], d["name"])
        ten.numbers = [(d["whatsapp_config_id"], d["phone_number_id"])]
        for u in d["users"]:
            ten.users.append(stack.User(ten, u["id"], u["email"], u["role"],
                                        u["role"]))
            ten.users[-1].password = u["password"]
        s.tenants.append(ten)
        d["access_token"] = tokens[d["phone_number_id"]]
    sim = simlib.Sim(s, numbers=made)
    sim.config(sent_ms=20, delivered_ms=60, read_ms=120)
    return sim


async def sockets(t, s, sim, first, statements):
    busy = s.tenants[0]
    sidecar = serve(s)
    clients = [await ws.Client(s, busy.agent, s.token(busy.agent),
                               header=i % 2 == 0, spread=1).start()
               for i in range(SOCKETS)]
    await ws.run(upgrade, t, s, sim, sidecar, first, statements)
    await ws.check(t, s, busy, clients, "sockets", 60)
    t.ok(all(c.closes and not c.said("resync") for c in clients),
         "sockets: each was sent away and has come back where it was")
    await asyncio.gather(*(c.close() for c in clients))


def serve(s):
    """The sidecar of the build that the stack has now; the courier apart,
    because it must be still when the events are counted."""
    return [s.serve(name="hub", roles="hub,jobs"),
            s.serve(name="courier", roles="courier")]


def upgrade(t, s, sim, sidecar, first, statements):
    kept = catalogue.columns(s.pg.url())
    busy, calm = s.tenants
    had, runs = rows(s, kept), allowed(s, statements)
    shown = [Shown(s, ten) for ten in s.tenants]
    t.ok(all(len(x.list) > 3 for x in shown), "the demo has filled it",
         [len(x.list) for x in shown])
    t.eq({name for _, name in runs}, {name for _, name, _, _ in statements},
         "each of its %d statements runs, as one role at least" % len(
             statements))
    load = traffic.Traffic(s, busy)
    work(t, s, sim, calm, "before")

    s.build = NOW
    done = load.done()
    s.pytake("migrate")
    t.ok(load.done() > done, "%d requests were answered while it migrated"
         % (load.done() - done))
    load.more(200, "work of the old ones on the new schema")
    t.eq(sorted(runs - allowed(s, statements)), [],
         "every statement of the old ones still runs, as whom it did")
    work(t, s, sim, calm, "old workers, new schema")

    master.put_module(s, NOW)
    first.begin(load)
    first.rest(load)
    first.end()
    work(t, s, sim, calm, "new workers, old sidecar")
    for part in sidecar:
        part.stop()
    _, courier = serve(s)
    load.more(200, "work of the new ones")
    work(t, s, sim, calm, "new workers, new sidecar")

    load.check(t, "")
    s.check_events(t, calm, "the calm tenant's event log is dense")
    t.eq(sim.twice(), {}, "no message was twice on a phone")
    now = rows(s, kept)
    t.eq({k: sorted(lost)[:3] for k, lost in (
        (k, had[k] - now[k]) for k in had if k not in MOVING) if lost}, {},
        "every row of before is there, as it was")
    for ten, x in zip(s.tenants, shown):
        x.check(t, s, ten)
    t.eq(s.pytake("migrate"), "the schema is current, nothing to do\n",
         "a second migrate has nothing to do")
    doctor(t, s)
    courier.stop()


def rows(s, kept):
    """table -> its rows, in the columns kept."""
    return {table: collections.Counter(r[0] for r in s.sql(
        "SELECT t::text FROM (SELECT %s FROM %s) t" % (names, table)))
        for table, names in kept.items()}


def allowed(s, statements):
    """(role, statement) of those that PostgreSQL would run: what they name
    is there, and the role may use it."""
    out = set()
    c = s.pg.connect()
    c.autocommit = False
    cur = c.cursor()
    for role in ("app", "service", "lookup"):
        for _, name, params, text in statements:
            cur.execute("DEALLOCATE ALL")
            cur.execute("SET LOCAL ROLE pytake_" + role)
            cur.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            try:
                cur.execute("PREPARE q%s AS %s" % (brackets(params), text))
                cur.execute("EXPLAIN EXECUTE q"
                            + brackets(["NULL" for _ in params]))
                out.add((role, name))
            except psycopg2.ProgrammingError:
                pass
            c.rollback()
    c.close()
    return out


def brackets(words):
    return "(%s)" % ", ".join(words) if words else ""


class Shown:
    """What a tenant's agent is shown: every conversation and message, and a
    page's cursor."""

    def __init__(self, s, ten):
        c = s.login(ten.agent)
        self.list, self.cursor = pages(c, CONV + "?limit=100"), None
        self.texts = {v["id"]: pages(c, self.path(v)) for v in self.list}
        self.cursor = c.get(CONV + "?limit=2").json["next_cursor"]

    def path(self, v):
        return "%s/%s/messages?limit=100" % (CONV, v["id"])

    def check(self, t, s, ten):
        c = s.login(ten.agent)
        t.eq([v for v in pages(c, CONV + "?limit=100")
              if v["id"] in self.texts], self.list,
             ten.name + ": the list has the same of before")
        t.eq({v["id"]: pages(c, self.path(v)) for v in self.list},
             self.texts, ten.name + ": the messages, too")
        t.eq(pages(c, CONV + "?limit=100", self.cursor), self.list[2:],
             ten.name + ": a cursor of before goes on where it was")


def pages(c, path, cursor=None):
    """A whole list."""
    out = []
    while True:
        r = c.get(path + ("&cursor=" + cursor if cursor else ""))
        if r.status != 200:
            raise RuntimeError("%s: %r" % (path, r))
        out += r.json["data"]
        cursor = r.json["next_cursor"]
        if cursor is None:
            return out


def work(t, s, sim, ten, when):
    """A day of an agent: each thing that clients do, answered at once."""
    bad = []

    def ask(c, method, path, body=None, good=200):
        r = c.request(method, path, body)
        if r.status != good:
            bad.append((path, repr(r)))
        return r.json

    c = s.login(ten.agent)
    login = ask(c, "POST", "/api/v1/auth/refresh",
                {"refresh_token": c.refresh_token})
    c.token = login["access_token"]
    ask(c, "GET", "/api/v1/auth/me")
    who = wa.phone()
    sim.customer(ten, who, "hi", name="Customer " + who[-4:])
    conv = wait_until(lambda: next(
        (v["id"] for v in ask(c, "GET", CONV + "?limit=5")["data"]
         if v["contact"]["phone"] == "+" + who), None), 20,
        when + ": the conversation")
    path = "%s/%s" % (CONV, conv)
    for verb, body in (("read", {}), ("assign", {"user_id": ten.agent.id}),
                       ("close", None), ("reopen", None)):
        ask(c, "POST", "%s/%s" % (path, verb), body)
    mid = ask(c, "POST", path + "/messages", {"content": when}, 201)["id"]
    wait_until(lambda: [(m["id"], m["status"]) for m in ask(
        c, "GET", path + "/messages")["data"]][0] == (mid, "read"), 30,
        when + ": the read receipt")
    t.eq(sim.texts(ten, who), [when], when + ": the answer is on the phone")
    t.eq(bad, [], when + ": every request was answered well")


def doctor(t, s):
    env = {"PATH": "/usr/bin:/bin", **procs.clock(), **s.env,
           "PYTAKE_HUB_SOCKET": os.path.join(s.dir, "h", "hub.sock"),
           "PYTAKE_STATUS_URL": "http://127.0.0.1:%d/_pytake/status" % s.port}
    p = subprocess.run([s.tool("pytake"), "doctor"], text=True, env=env,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    t.ok(p.returncode == 0 and "ok   migrations: all applied" in p.stdout,
         "doctor is content", p.stdout)


if __name__ == "__main__":
    tap.run(main)
