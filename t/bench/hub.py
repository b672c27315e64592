# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""hub: webhook to socket latency, handshakes, memory of the idle installation
and of an idle socket, and what one delivery costs, against Nchan and against
the kernel's write()."""

import glob
import json
import os
import signal
import statistics
import subprocess
import time

import bus
import rig
import webhook
from rig import say

ROOMS = 1000       # tenants of ten sockets
FIRST = 1000       # their numbers; before them the seeded ones
BIG = 5000         # one tenant of 1,000 sockets: 100 users of ten
IDLE = 5000
PATH = "/api/v1/conversations/ws"
NCHAN = "/usr/lib/nginx/modules/ngx_nchan_module.so"

PEOPLE = """
INSERT INTO tenants (id, name)
SELECT DISTINCT (%(tenant)s || t)::uuid, 'Room ' || t FROM people_;
INSERT INTO users (tenant_id, id, email, name, role, password_hash)
SELECT (%(tenant)s || t)::uuid, (%(user)s || u)::uuid,
       'agent' || u || '@example.test', 'Agent', 'agent', '-' FROM people_;
INSERT INTO sessions (id, tenant_id, user_id, expires_at)
SELECT (%(session)s || u)::uuid, (%(tenant)s || t)::uuid,
       (%(user)s || u)::uuid, now() + interval '1 day' FROM people_
"""

# k events for each tenant, as a writing batch leaves them.
EVENTS = """
WITH h AS (
    UPDATE tenant_event_head SET seq = seq + %(k)s,
           id = md5(tenant_id::text || (seq + %(k)s))::uuid
    WHERE tenant_id = ANY (%(tenants)s::uuid[]) RETURNING tenant_id, seq)
INSERT INTO event_log (tenant_id, seq, id, created_at, event, frame)
SELECT h.tenant_id, s, md5(h.tenant_id::text || s)::uuid, now(),
       'message_received', %(head)s || s || ',"id":"'
       || md5(h.tenant_id::text || s)::uuid || '"}'
FROM h, generate_series(h.seq - %(k)s + 1, h.seq) s
RETURNING tenant_id::text, seq, frame
"""


def upgrade(target, token=None):
    auth = "Authorization: Bearer %s\r\n" % token if token else ""
    return ("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n"
            % (target, auth)).encode()


def people(s):
    """Tenants and users of the rooms; tokens by user number."""
    args = dict(rig.PREFIX, base=rig.BASE, first=FIRST, rooms=ROOMS, big=BIG)
    s.sql("CREATE TEMP VIEW people_ AS SELECT %(base)s + n AS t, "
          "%(base)s + n AS u FROM generate_series(%(first)s, "
          "%(first)s + %(rooms)s - 1) n UNION ALL SELECT %(base)s + %(big)s,"
          " %(base)s + n FROM generate_series(%(big)s, %(big)s + 99) n",
          args)
    for text in PEOPLE.split(";\n"):
        s.sql(text, args)
    s.sql("VACUUM (ANALYZE)")


def token(s, tenant, user):
    t = rig.stacklib.Tenant(rig.uid("tenant", tenant), "")
    return s.token(rig.stacklib.User(t, rig.uid("user", user), "", "agent",
                                     ""), sid=rig.uid("session", user),
                   lifetime=86400)


class Sockets:
    """ws_load and what it says."""

    def __init__(self, port, count, path, frames):
        self.proc = subprocess.Popen(
            [os.path.join(rig.OUT, "ws_load"), str(port), str(count), path,
             str(frames)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        self.count = count
        self.opened = self.line()
        if self.opened["open"] != count:
            self.close()
            raise RuntimeError("sockets: %r" % self.opened)

    def line(self):
        text = self.proc.stdout.readline()
        if not text:
            raise RuntimeError("ws_load ended")
        return json.loads(text)

    def wait(self, events, seconds=30):
        self.proc.stdin.write("wait %d %g\n" % (events, seconds))
        self.proc.stdin.flush()
        return self.line()

    def expect(self, events, seconds=30):
        r = self.wait(events, seconds)
        if r["events"] != events or r["open"] != self.count:
            raise RuntimeError("%d events are due: %r" % (events, r))
        return r

    def close(self):
        rig.procs.end(self.proc, signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def cpu_us(pids):
    """Microseconds of CPU, all threads: finer than ticks."""
    total = 0
    for pid in pids:
        for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
            try:
                with open(path) as f:
                    total += int(f.read().split()[0])
            except OSError:
                pass
    return total / 1000


def user_kb(pids):
    """Private memory: what goes when the process goes."""
    total = 0
    for pid in pids:
        with open("/proc/%d/smaps_rollup" % pid) as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith("Private_"))
    return total


# -- the parts --

def latency(s, out):
    """Webhook to socket, five sockets a tenant, at a rate."""
    path = rig.requests_file("ws-20", (
        upgrade(PATH, rig.token(s, i)) for i in range(rig.TENANTS)))
    hooks = webhook.timed("all", range(rig.TENANTS))
    out["latency"] = {100: [], 500: []}
    with Sockets(s.port, 5 * rig.TENANTS, path, 1) as w:
        for i in range(rig.ROUNDS):
            for rate in (100, 500):
                os.environ["RATE"] = str(rate)
                try:
                    r = rig.http(s, hooks, seed_text="%06x" % (
                        i * 1000 + rate))
                finally:
                    del os.environ["RATE"]
                got = w.wait(5 * r["good"])
                rig.nothing_lost("events at %d/s" % rate, 5 * r["good"],
                                 got["events"], 5 * r["refused"],
                                 "on sockets")
                out["latency"][rate].append(dict(got, http=r))
    for rate, rs in out["latency"].items():
        say("webhook -> socket at %d/s: p50 %s ms, p99 %s ms (%.0f%% others)"
            % ((rate,) + tuple(rig.spread([r[k] / 1000 for r in rs], "%.1f")
                               for k in ("p50_us", "p99_us"))
               + (100 * statistics.median(r["http"]["foreign"]
                                          for r in rs),)))
    return [rig.verdict("webhook -> socket at 500/s, p99, ms", [
        r["p99_us"] / 1000 for r in out["latency"][500]], 50, 15,
        least=False, form="%.1f")]


def installation(s, hub, out):
    """What all but PostgreSQL and Redis have to themselves, at rest."""
    mb = user_kb([s.nginx.proc.pid, hub.proc.pid] + s.nginx.workers()) / 1024
    out["installation_mb"] = mb
    return [rig.verdict("idle NGINX (%d workers) and sidecar, MB" % s.workers,
                        [mb], 64, 32, least=False, form="%.1f")]


def idle(s, hub, rooms, out):
    """Handshakes, and memory of a socket that says nothing."""
    workers = s.nginx.workers()
    with Sockets(s.port, 100, rooms, 1):  # what is touched once
        pass
    rig.procs.wait_until(lambda: hub.metric(
        "websocket_connections_active") == 0, 30, "the end of the sockets")
    before = user_kb([hub.proc.pid]), user_kb(workers)
    work = cpu_us([hub.proc.pid]), cpu_us(workers)
    with Sockets(s.port, IDLE, rooms, 1) as w:
        used = cpu_us([hub.proc.pid]), cpu_us(workers)
        after = user_kb([hub.proc.pid]), user_kb(workers)
        out["handshakes"] = IDLE / w.opened["seconds"]
    out["hub_bytes"], out["nginx_bytes"] = (
        (a - b) * 1024 / IDLE for a, b in zip(after, before))
    say("handshakes with token, whole path: %.0f/s; CPU of one: hub %.0f us,"
        " nginx %.0f us" % (out["handshakes"], (used[0] - work[0]) / IDLE,
                            (used[1] - work[1]) / IDLE))
    say("an idle socket, whole path (proxied): hub %.0f + nginx %.0f bytes "
        "of user space" % (out["hub_bytes"], out["nginx_bytes"]))
    return [rig.verdict("idle socket, the hub's memory, bytes",
                        [out["hub_bytes"]], 1024, 512, least=False,
                        form="%.0f")]


def emit(s, redis, tenants, k):
    """Commits k events for each tenant, then rings."""
    head = ('{"event":"message_received","data":{"content":"t=%016d %s"},'
            '"timestamp":"2026-01-01T00:00:00.000Z","conversation_id":null,'
            '"seq":' % (time.monotonic_ns() // 1000, "x" * 300))
    rows = s.sql(EVENTS, {"k": k, "tenants": tenants, "head": head})
    pipe = redis.pipeline(transaction=False)
    for tenant, seq, frame in sorted(rows):
        pipe.publish("ev:" + tenant, bus.sign(
            s.jwt_secret, "ev:" + tenant, "%d %s" % (seq, frame)))
    pipe.execute()


def fan_hub(s, hub, w, tenants, k, times):
    """CPU of a delivery: hub, and NGINX behind it."""
    redis, n = s.redis(), k * w.count * times
    workers = s.nginx.workers()
    began = time.monotonic()
    before = cpu_us([hub.proc.pid]), cpu_us(workers)
    for _ in range(times):
        emit(s, redis, tenants, k)
        w.expect(k * w.count)
    return {"hub_us": (cpu_us([hub.proc.pid]) - before[0]) / n,
            "nginx_us": (cpu_us(workers) - before[1]) / n,
            "deliveries": n, "seconds": time.monotonic() - began}


class Nchan:
    """An NGINX of one worker with Debian's Nchan."""

    def __init__(self, folder):
        self.dir = os.path.join(folder, "nchan")
        os.makedirs(self.dir)
        self.port = rig.procs.free_port()
        conf = os.path.join(self.dir, "nginx.conf")
        user = "user www-data;" if os.geteuid() == 0 else ""
        temps = "".join("%s_temp_path %s/%s;\n" % (k, self.dir, k) for k in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(conf, "w") as f:
            f.write("""load_module %s;
%s worker_processes 1; pid %s/nginx.pid; worker_rlimit_nofile 20000;
events { worker_connections 16384; }
http { access_log off; nchan_shared_memory_size 256m; %s
server { listen 127.0.0.1:%d; keepalive_requests 1000000;
location ~ ^/pub/(\\w+)$ { nchan_publisher; nchan_channel_id $1;
    nchan_message_buffer_length 2000; }
location ~ ^/sub/(\\w+)$ { nchan_subscriber websocket; nchan_channel_id $1;
    nchan_subscriber_first_message newest; } } }
""" % (NCHAN, user, self.dir, temps, self.port))
        self.proc = subprocess.Popen(
            ["/usr/sbin/nginx", "-p", self.dir + "/", "-c", conf, "-e",
             self.dir + "/error.log", "-g", "daemon off;"])
        rig.procs.wait_until(lambda: rig.procs.children(self.proc.pid), 10,
                             "Nchan")
        time.sleep(0.2)

    def close(self):
        rig.procs.end(self.proc)


def fan_nchan(n, w, channels, clients, seconds):
    raw = b'{"content":"t=^^^^^^^^^^^^^^^^ ' + b"x" * 440 + b'"}'
    path = rig.requests_file("nchan", (
        b"POST /pub/%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d"
        b"\r\n\r\n" % (c, len(raw)) + raw for c in channels))
    pids = rig.procs.children(n.proc.pid)
    before = cpu_us(pids)
    p = subprocess.run([os.path.join(rig.OUT, "http_load"), str(n.port),
                        str(clients), str(seconds), path],
                       stdout=subprocess.PIPE, check=True)
    posts = sum(json.loads(p.stdout)["status"].values())
    due = posts * w.count // len(channels)
    got = w.wait(due, 10)
    return {"us": (cpu_us(pids) - before) / max(got["events"], 1),
            "deliveries": got["events"], "due": due}


SHAPES = (  # name, rooms, sockets, events at once, times; Nchan's publishers
    ("1,000 rooms of 10", ROOMS, 10 * ROOMS, 1, 6, 16),
    ("one room of 1,000", 1, 1000, 1, 40, 1),
    ("one room of 1,000, burst of 200", 1, 1000, 200, 3, 16))


def fan(s, hub, rooms, big, out):
    """One shape after another; ours and Nchan's in turns."""
    verdicts = []
    if not os.path.exists(NCHAN):
        say("Nchan (libnginx-mod-nchan) is not installed: left out")
    nchan = Nchan(s.dir) if os.path.exists(NCHAN) else None
    try:
        for shape in SHAPES:
            verdicts += fan_shape(s, hub, nchan, shape,
                                  rooms if shape[1] > 1 else big, out)
    finally:
        if nchan:
            nchan.close()
    return verdicts


def fan_shape(s, hub, nchan, shape, path, out):
    name, count, sockets, k, times, clients = shape
    tenants = ([rig.uid("tenant", FIRST + i) for i in range(count)]
               if count > 1 else [rig.uid("tenant", BIG)])
    got = {"hub": [], "nchan": [], "tcp": [], "unix": []}
    subs = rig.requests_file("nchan-subs", (
        upgrade("/sub/%d" % i) for i in range(count)))
    for _ in range(rig.ROUNDS):
        with Sockets(s.port, sockets, path, 1) as w:
            got["hub"].append(fan_hub(s, hub, w, tenants, k, times))
        if nchan:
            with Sockets(nchan.port, sockets, subs, 0) as w:
                got["nchan"].append(fan_nchan(nchan, w, range(count),
                                              clients, 1))
        for family in ("tcp", "unix"):
            got[family].append(json.loads(subprocess.check_output(
                [os.path.join(rig.OUT, "ws_load"), family, "1000", "560",
                 "40"]))["write_us"])
    out[name] = got
    return tell(name, k, count, got)


def tell(name, k, count, got):
    hubs = [r["hub_us"] for r in got["hub"]]
    whole = [r["hub_us"] + r["nginx_us"] for r in got["hub"]]
    # what the hub would pay if its sockets were the clients' own
    price = [a - b + c for a, b, c in zip(hubs, got["unix"], got["tcp"])]
    say("%s, CPU of a delivery, us:" % name)
    for what, values in (("hub", hubs),
                         ("hub, its writes at the price of TCP",
                          price if k == 1 else []),
                         ("hub and NGINX", whole),
                         ("Nchan", [r["us"] for r in got["nchan"]]),
                         ("write() to a unix socket", got["unix"]),
                         ("write() to a TCP socket", got["tcp"])):
        if values:
            say("    %-40s %s" % (what, rig.spread(values, "%.2f")))
    v = []
    if k == 1 and count > 1:
        v.append(rig.verdict("hub at TCP's price / write() to TCP", [
            a / b for a, b in zip(price, got["tcp"])], 1.3, 1.1,
            least=False))
    if got["nchan"]:
        say("Nchan delivered %d of %d" % (
            sum(r["deliveries"] for r in got["nchan"]),
            sum(r["due"] for r in got["nchan"])))
        # in a burst the hub writes many events at once: NGINX is the price
        v += versus(name, price if k == 1 else whole, got["nchan"],
                    (1.5, 2.5) if k == 1 else (4.0, 7.0), count > 1 or k > 1)
        if k == 1:
            versus(name + ", with NGINX", whole, got["nchan"], None, False)
    return v


def versus(name, ours, nchan, floor, floored):
    ratios = [b["us"] / a for a, b in zip(ours, nchan)]
    if floored:
        return [rig.verdict("Nchan / ours, " + name, ratios, *floor)]
    say("%-44s %s   no floor" % ("Nchan / ours, " + name,
                                 rig.spread(ratios, "%.2f")))
    return []


def bench():
    say("== hub: latency, handshakes, memory, fan-out")
    out = {}
    with rig.start(edit) as s:
        hub = s.serve(roles="hub", name="hub")
        out["machine"] = info = rig.machine(s)
        say(rig.machine_line(info))
        people(s)
        verdicts = installation(s, hub, out)
        verdicts += latency(s, out)
        rooms = rig.requests_file("ws-rooms", (
            upgrade(PATH, token(s, FIRST + i, FIRST + i))
            for i in range(ROOMS)))
        big = rig.requests_file("ws-big", (
            upgrade(PATH, token(s, BIG, BIG + i)) for i in range(100)))
        verdicts += idle(s, hub, rooms, out)
        verdicts += fan(s, hub, rooms, big, out)
        out["verdicts"] = verdicts
    rig.keep("hub", out)
    return verdicts


def edit(name, text):
    """Room for 10,000 proxied sockets."""
    return text.replace("worker_connections 8192", "worker_connections 32768")
