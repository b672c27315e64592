# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""What every bench shares: a private stack with twenty tenants, the load
programs, CPU by process, rounds A B A B, and how figures are told."""

import contextlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "t", "lib"))

import procs  # noqa: E402
import stack as stacklib  # noqa: E402

OUT = os.path.join(TOP, "build", "bench")
TICK = os.sysconf("SC_CLK_TCK")
TENANTS = 20
CONVERSATIONS = 1000
MESSAGES = 10
ROUNDS = int(os.environ.get("PYTAKE_BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("PYTAKE_BENCH_SECONDS", "5"))
CLIENTS = 64

# Ids of the seeded rows: sixteen hex digits, then sixteen decimal ones that
# begin with 8 (the variant), so that pgbench can make them from a number.
BASE = 8000000000000000
KINDS = ("tenant", "session", "user", "config", "contact", "conversation")
PREFIX = {k: "0190000000%02x7000" % i for i, k in enumerate(KINDS)}

# What PyTake's connections say, for pgbench.
OPTIONS = ("-c role=pytake_app -c plan_cache_mode=force_generic_plan "
           "-c statement_timeout=30000 -c TimeZone=UTC -c jit=off "
           "-c search_path=pg_catalog,public,pg_temp")

PREVIEW = "Thanks, the parcel came today and everything was in it, lovely"


def uid(kind, n):
    s = PREFIX[kind] + str(BASE + n)
    return "-".join((s[:8], s[8:12], s[12:16], s[16:20], s[20:]))


def phone(tenant, conversation):
    return str(15550000000 + tenant * CONVERSATIONS + conversation)


def say(text=""):
    print(text, flush=True)


# -- the stack --

@contextlib.contextmanager
def start(conf_edit=None):
    with stacklib.Stack(workers=os.cpu_count() or 1, tenants=0,
                        conf_edit=conf_edit, pg_settings={
            "shared_buffers": "256MB", "max_wal_size": "4GB",
            "checkpoint_timeout": "30min"}) as s:
        seed(s)
        yield s


SEED = """
INSERT INTO tenants (id, name)
SELECT (%(tenant)s || n)::uuid, 'Shop ' || n FROM tenants_;
INSERT INTO users (tenant_id, id, email, name, role, password_hash)
SELECT (%(tenant)s || n)::uuid, (%(user)s || n)::uuid,
       'agent' || n || '@example.test', 'Agent ' || n, 'agent', '-'
FROM tenants_;
INSERT INTO sessions (id, tenant_id, user_id, expires_at)
SELECT (%(session)s || n)::uuid, (%(tenant)s || n)::uuid,
       (%(user)s || n)::uuid, now() + interval '1 day' FROM tenants_;
INSERT INTO whatsapp_configs (tenant_id, id, name, phone_number_id, waba_id,
    display_phone_number)
SELECT (%(tenant)s || n)::uuid, (%(config)s || n)::uuid, 'Line',
       '10' || n, 'waba' || n, '+1 555 010 0000' FROM tenants_;
INSERT INTO contacts (tenant_id, id, name, profile_name, phone, wa_id)
SELECT (%(tenant)s || n)::uuid, (%(contact)s || k)::uuid,
       'Customer ' || phone, 'Customer ' || phone, '+' || phone, phone
FROM conversations_;
INSERT INTO contact_identities (tenant_id, kind, value, contact_id)
SELECT (%(tenant)s || n)::uuid, 'phone', phone, (%(contact)s || k)::uuid
FROM conversations_;
INSERT INTO conversations (tenant_id, id, contact_id, whatsapp_config_id,
    unread_count, last_message, last_message_time, activity_at, assigned_to,
    window_expires_at, created_at, updated_at)
SELECT (%(tenant)s || n)::uuid, (%(conversation)s || k)::uuid,
       (%(contact)s || k)::uuid, (%(config)s || n)::uuid, c %% 4,
       %(preview)s || c, at, at,
       CASE WHEN c %% 2 = 0 THEN (%(user)s || n)::uuid END,
       at + interval '24 hours', at - interval '2 days', at
FROM conversations_;
INSERT INTO conversation_tags (tenant_id, conversation_id, tag)
SELECT (%(tenant)s || n)::uuid, (%(conversation)s || k)::uuid, 'vip'
FROM conversations_ WHERE c %% 3 = 0;
INSERT INTO messages (tenant_id, id, conversation_id, sender_type, content,
    message_type, whatsapp_message_id, status, created_at, received_at)
SELECT (%(tenant)s || n)::uuid,
       (lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0')
        || '7000' || (%(base)s + k %% 1000000 * 100 + m))::uuid,
       (%(conversation)s || k)::uuid,
       CASE m %% 2 WHEN 0 THEN 'contact' ELSE 'bot' END,
       %(preview)s || m, 'text', 'wamid.SEED' || k || '.' || m, 'delivered',
       t, t
FROM (SELECT *, date_trunc('milliseconds', at - make_interval(
          mins => 7 * m)) AS t
      FROM conversations_, generate_series(0, %(messages)s - 1) m
      ORDER BY at) x
"""

SEED_VIEWS = """
CREATE TEMP VIEW tenants_ AS
SELECT %(base)s + t AS n, t FROM generate_series(0, %(tenants)s - 1) t;
CREATE TEMP VIEW conversations_ AS
SELECT n, c, %(base)s + t * %(per)s + c AS k,
       (15550000000 + t * %(per)s + c)::text AS phone,
       date_trunc('milliseconds', now()) - make_interval(
           secs => 60 + c * 17 + t) AS at
FROM tenants_, generate_series(0, %(per)s - 1) c;
"""


def seed(s):
    """The fictional rows; the same ones in every run."""
    args = dict(PREFIX, base=BASE, tenants=TENANTS, per=CONVERSATIONS,
                messages=MESSAGES, preview=PREVIEW)
    s.sql(SEED_VIEWS, args)
    for text in SEED.split(";\n"):
        s.sql(text, args)
    s.tenants = []
    for i in range(TENANTS):
        t = stacklib.Tenant(uid("tenant", i), "Shop")
        t.numbers.append((uid("config", i), "10%d" % (BASE + i)))
        t.users.append(stacklib.User(t, uid("user", i), "", "agent", ""))
        s.tenants.append(t)
    s.sql("VACUUM (ANALYZE)")
    s.sql("CHECKPOINT")


def token(s, i):
    return s.token(s.tenants[i].agent, sid=uid("session", i),
                   lifetime=86400)


# -- load --

def requests_file(name, items):
    """items: bytes of whole requests; the file that http_load takes."""
    path = os.path.join(OUT, name + ".requests")
    with open(path, "wb") as f:
        for raw in items:
            f.write(b"%d\n" % len(raw))
            f.write(raw)
    return path


def http(s, path, seconds=None, clients=CLIENTS, seed_text=""):
    """One round of our path.  Gives the figures as a dict."""
    before = cpu(s)
    env = dict(os.environ, SEED=seed_text)
    p = subprocess.run(
        [os.path.join(OUT, "http_load"), str(s.port), str(clients),
         str(seconds or SECONDS), path, s.app_secret], env=env,
        stdout=subprocess.PIPE, timeout=120)
    if p.returncode != 0:
        raise RuntimeError("http_load failed")
    r = json.loads(p.stdout)
    r["total"] = sum(r["status"].values())
    r["rate"] = r["in_time"] / r["seconds"]
    charge(s, r, before, r["cpu_us"] / 1e6)
    r["good"] = sum(v for k, v in r["status"].items() if k.startswith("2"))
    r["refused"] = r["status"].get("503", 0)
    r["rate"] *= r["good"] / max(r["total"], 1)
    if (r["good"] + r["refused"] != r["total"] or r["lost"]
            or r["unanswered"]):
        raise RuntimeError("not every answer was good: %r\n%s"
                           % (r, s.nginx.words()))
    return r


def pgbench(s, scripts, clients, seconds=None, define=None):
    """One round of the reference.  scripts: texts of equal weight."""
    argv = [s.pg.bin + "/pgbench", "-n", "-M", "prepared", "-h",
            "127.0.0.1", "-p", str(s.pg.port), "-U", "postgres", "-c",
            str(clients), "-j", "1", "-T", str(int(seconds or SECONDS))]
    for i, text in enumerate(scripts):
        path = os.path.join(s.dir, "pgbench.%d" % i)
        with open(path, "w") as f:
            f.write(text)
        argv += ["-f", path]
    for k, v in (define or {}).items():
        argv += ["-D", "%s=%s" % (k, v)]
    before = cpu(s)
    own = os.times()
    p = subprocess.run(argv + ["pytake"], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=120,
                       env=dict(os.environ, PGOPTIONS=OPTIONS))
    own2 = os.times()
    if p.returncode != 0 or "failed transactions: 0 " not in p.stdout:
        raise RuntimeError("pgbench: " + p.stdout + p.stderr[-2000:])
    r = {"clients": clients,
         "total": int(re.search(r"processed: (\d+)", p.stdout).group(1)),
         "rate": float(re.search(r"tps = ([\d.]+)", p.stdout).group(1)),
         "latency_ms": float(re.search(r"average = ([\d.]+)",
                                       p.stdout).group(1))}
    r["seconds"] = r["total"] / r["rate"]
    charge(s, r, before, own2.children_user + own2.children_system
           - own.children_user - own.children_system)
    return r


def best_clients(s, scripts, counts, **kw):
    """The client count at which pgbench does best, asked once."""
    rates = {n: pgbench(s, scripts, n, seconds=2, **kw)["rate"]
             for n in counts}
    n = max(rates, key=rates.get)
    say("pgbench is best with %d clients (%s)" % (n, ", ".join(
        "%d: %.0f/s" % kv for kv in rates.items())))
    return n


# -- CPU --

def ticks(pid, fields=2):
    """1: user, 2: and system, 4: and those of children that ended."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            text = f.read()
    except OSError:
        return 0
    v = text[text.rindex(")") + 2:].split()
    return sum(map(int, v[11:11 + fields]))


def cpu(s):
    """Seconds used so far: nginx workers, PostgreSQL (ended backends too),
    Redis, the machine."""
    with open("/proc/stat") as f:
        v = list(map(int, f.readline().split()[1:9]))
    post = s.pg.proc.pid
    workers = s.nginx.workers()
    return {"nginx": sum(map(ticks, workers)) / TICK,
            "nginx_user": sum(ticks(w, 1) for w in workers) / TICK,
            "postgres": (ticks(post, 4) + sum(
                map(ticks, procs.children(post)))) / TICK,
            "redis": ticks(s.redis_proc.pid) / TICK,
            "busy": (sum(v) - v[3] - v[4]) / TICK, "all": sum(v) / TICK}


def charge(s, r, before, client):
    """CPU of a round, per request; foreign: what others took meanwhile."""
    after = cpu(s)
    d = {k: after[k] - before[k] for k in after}
    n = max(r["total"], 1)
    r["nginx_us"] = d["nginx"] * 1e6 / n
    r["nginx_user_us"] = d["nginx_user"] * 1e6 / n
    r["postgres_us"] = d["postgres"] * 1e6 / n
    r["redis_us"] = d["redis"] * 1e6 / n
    r["client_us"] = client * 1e6 / n
    ours = d["nginx"] + d["postgres"] + d["redis"] + client
    r["foreign"] = max(0.0, d["busy"] - ours) / max(d["all"], 0.01)


# -- figures --

def rounds(parts, n=None):
    """parts: {name: function}.  A B A B; samples by name."""
    got = {k: [] for k in parts}
    for i in range(n or ROUNDS):
        for k, f in parts.items():
            got[k].append(f(i))
    return got


def spread(values, form="%.0f"):
    return ("%s [%s-%s]" % (form, form, form)) % (
        statistics.median(values), min(values), max(values))


def ratio(a, b, key="rate"):
    """Pair by pair."""
    return [x[key] / y[key] for x, y in zip(a, b)]


def frugal(what, a, b):
    """The same ratio in requests a CPU second, clients included: what others
    on the machine disturb least."""
    def cost(r):
        return sum(r[k] for k in ("nginx_us", "postgres_us", "redis_us",
                                  "client_us"))
    say("%-44s %s" % (what + ", CPU", spread(
        [cost(y) / cost(x) for x, y in zip(a, b)], "%.2f")))


def table(got):
    say("%-12s %22s %8s %8s %8s %8s %8s" % (
        "", "rate/s", "nginx", "pg", "redis", "client", "others"))
    for name, rs in got.items():
        m = {k: statistics.median(r[k] for r in rs)
             for k in ("nginx_us", "postgres_us", "redis_us", "client_us",
                       "foreign")}
        say("%-12s %22s %6.1fus %6.1fus %6.1fus %6.1fus %7.0f%%" % (
            name, spread([r["rate"] for r in rs]), m["nginx_us"],
            m["postgres_us"], m["redis_us"], m["client_us"],
            100 * m["foreign"]))
    if max(r["foreign"] for rs in got.values() for r in rs) > 0.1:
        say("others used the machine: rates favour whoever has more "
            "processes; CPU of a request is what to read")


def verdict(what, values, floor, aim, least=True, form="%.2f"):
    """One target: its median against the floor."""
    v = statistics.median(values)
    met = v >= floor if least else v <= floor
    say("%-44s %s   floor %s, aim %s: %s" % (
        what, spread(values, form), form % floor, form % aim,
        "met" if met else "NOT MET"))
    return {"what": what, "samples": values, "median": v, "floor": floor,
            "aim": aim, "met": met}


def nothing_lost(what, acknowledged, counted, refused=0,
                 where="in the database"):
    """refused: rows of answers 503, which may be there (outcome unknown)."""
    ok = acknowledged <= counted <= acknowledged + refused
    say("%s: %d acknowledged, %d refused, %d %s%s" % (
        what, acknowledged, refused, counted, where,
        "" if ok else ": WRONG"))
    if not ok:
        raise RuntimeError("lost or doubled: " + what)


def events_dense(s):
    bad = s.sql("SELECT h.tenant_id, h.seq, count(e.seq) FROM "
                "tenant_event_head h LEFT JOIN event_log e USING (tenant_id)"
                " GROUP BY 1, 2 HAVING h.seq <> count(e.seq)")
    if bad:
        raise RuntimeError("events are missing: %r" % bad)
    say("event logs dense: yes")


# -- the machine --

def fsync_us(folder, n=200):
    """Microseconds of write(8 kB) + fdatasync(): what a commit costs."""
    path = os.path.join(folder, "fsync.probe")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    out = []
    try:
        for i in range(n):
            since = time.perf_counter()
            os.pwrite(fd, b"x" * 8192, 8192 * i)
            os.fdatasync(fd)
            out.append((time.perf_counter() - since) * 1e6)
    finally:
        os.close(fd)
        os.unlink(path)
    return statistics.median(out)


def machine(s=None):
    with open("/proc/cpuinfo") as f:
        m = re.search(r"model name\s*:\s*(.*)", f.read())
    d = {"cpu": m.group(1) if m else platform.machine(),
         "cores": os.cpu_count(), "kernel": platform.release(),
         "load": os.getloadavg()[0],
         "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    if s is not None:
        d["fdatasync_us"] = fsync_us(s.pg.data)
        d["postgres"] = s.one("SHOW server_version").split()[0]
        d["nginx"] = subprocess.run(
            ["/usr/sbin/nginx", "-v"], stderr=subprocess.PIPE,
            text=True).stderr.strip().split("/")[-1]
    return d


def machine_line(d):
    text = "machine: %(cores)d x %(cpu)s, Linux %(kernel)s, load %(load).1f"
    if "postgres" in d:
        text += (", PostgreSQL %(postgres)s, nginx %(nginx)s, "
                 "fdatasync %(fdatasync_us).0f us")
    return text % d


def keep(name, data):
    path = os.path.join(OUT, name + ".json")
    with open(path, "w") as f:
        json.dump(data, f, indent=1)
    say("samples: " + os.path.relpath(path, TOP))
