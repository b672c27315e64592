#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""pytake doctor and what runs: an NGINX and a sidecar that were started with
other secrets than files have by now, that work elsewhere, that are away, and
whatever else may answer in their place."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

import websockets

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import conf
import procs
import stack
import tap
import web

KEY = "89abcdef01234567" * 4
STATUS = "/_pytake/status"
FILES = {"DATABASE_URL_FILE": "database_url", "REDIS_URL_FILE": "redis_url",
         "JWT_SECRET_FILE": "jwt_secret",
         "WHATSAPP_APP_SECRET_FILE": "app_secret",
         "WHATSAPP_WEBHOOK_VERIFY_TOKEN_FILE": "verify_token",
         "PYTAKE_ENCRYPTION_KEY_FILE": "encryption_key"}


def main(t):
    with stack.Stack(conf_edit=conf.log_all) as s:
        put(s, "encryption_key", KEY)
        s.env = {k: path(s, v) for k, v in FILES.items()}
        s.env["PYTAKE_STATUS_URL"] = "http://127.0.0.1:%d%s" % (s.port, STATUS)
        s.env["WHATSAPP_API_URL"] = "http://127.0.0.1:1/v23.0"
        s.env["PYTAKE_HUB_SOCKET"] = os.path.join(s.dir, "h", "hub.sock")
        hub = s.serve(name="hub", roles="hub,jobs")
        for part in (well, body, nginx_alone, sidecar_alone, webhook, key,
                     elsewhere, versions, hubs, others, options, away):
            t.head(part.__name__)
            part(t, s, hub)
        s.check_logs(t)
        s.check_private(t)


def path(s, name):
    return os.path.join(s.dir, "secrets", name)


def put(s, name, value):
    """What root would do: the file alone is changed."""
    with open(path(s, name), "w") as f:
        f.write(value + "\n")
    os.chmod(path(s, name), 0o600)


def run(s, *args, **env):
    p = subprocess.run(
        [s.tool("pytake"), "doctor", *args], text=True, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=dict(procs.clock(), PATH="/usr/bin:/bin", **{**s.env, **env}))
    bad = [line for line in p.stdout.splitlines() if not re.match(
        r"(ok  |warn|FAIL) [^:]+: .|\d+ to repair|all is well", line)]
    assert not bad, bad
    return p


def says(t, s, pattern, name, *args, **env):
    p = run(s, *args, **env)
    t.ok(re.search("(?m)^" + pattern, p.stdout), name, p.stdout + p.stderr)
    return p


def becomes(t, s, pattern, name, **env):
    """What the processes need a moment for."""
    last = []

    def there():
        last[:] = [run(s, **env).stdout]
        return re.search("(?m)^" + pattern, last[0])
    try:
        procs.wait_until(there, 30)
        t.ok(True, name)
    except Exception:
        t.ok(False, name, last[0])


def is_well(t, s, name):
    """Nothing is wrong with NGINX and the sidecar."""
    last = []

    def well():
        last[:] = [run(s).stdout]
        return (len(re.findall("(?m)^ok   nginx", last[0])) == 6
                and "\nok   hub: answers" in last[0]
                and not re.search("(?m)^(warn|FAIL) (nginx|serve|hub)",
                                  last[0]))
    try:
        procs.wait_until(well, 30)
        t.ok(True, name)
    except Exception:
        t.ok(False, name, last[0])


def status(s):
    c = web.Conn(s.port)
    try:
        c.send(("GET %s HTTP/1.1\r\nHost: localhost\r\n"
                "Connection: close\r\n\r\n" % STATUS).encode())
        return c.read("GET")
    finally:
        c.sock.close()


def well(t, s, hub):
    is_well(t, s, "NGINX and the sidecar are as the files are")
    out = run(s).stdout
    for what in (": 1\\.\\d+\\.\\d+ with PyTake .* 2 workers",
                 " secrets: are those of here", " database: is that of here",
                 " redis: is that of here", " pools: \\d+ connections, none "
                 "away", " hub: is that of here and answers"):
        t.ok(re.search("(?m)^ok   nginx" + what, out), "... nginx" + what,
             out)


def body(t, s, hub):
    r = status(s)
    t.eq(r.status, 200, "the status")
    text = r.body.decode()
    with open(path(s, "database_url")) as f:
        database = f.read()
    for word in (s.jwt_secret, s.app_secret, s.verify_token, KEY, database,
                 "postgresql:", "redis:", stack.WORKER):
        t.ok(word not in text, "not in it: " + word[:12], text)
    prints = r.json["fingerprints"]
    t.eq(sorted(prints), ["app_secret", "database", "identity", "jwt_secret",
                          "redis", "verify_token"], "its fingerprints")
    t.ok(all(re.fullmatch("[0-9a-f]{16}", v) for v in prints.values())
         and len(set(prints.values())) == 6, "... each is another one", text)
    t.eq(r.json["hub"], {"path": s.env["PYTAKE_HUB_SOCKET"], "up": True},
         "... the hub")
    procs.wait_until(lambda: status(s).json["reporting"] == 2, 20)
    t.eq(status(s).json["workers"], 2, "... its workers")
    health = hub.ask("GET", "/health")
    t.ok(KEY not in health and s.jwt_secret not in health
         and prints["jwt_secret"] in health,
         "the hub says the same without a secret", health)
    began = time.monotonic()
    old = s.nginx.reload()
    procs.wait_until(lambda: status(s).json["pid"] not in old, 30)
    r = status(s)
    t.ok(r.json["loaded_s"] <= time.monotonic() - began + 1,
         "when its configuration was read", r)
    t.eq(r.json["fingerprints"]["jwt_secret"], prints["jwt_secret"],
         "a reload changes no fingerprint")


def socket_of(s):
    """What a socket with NGINX's token hears first: a frame's type, or the
    code that it is closed with."""
    token = s.login(s.tenants[0].agent).token

    async def first():
        async with websockets.connect(
                "ws://127.0.0.1:%d/api/v1/conversations/ws" % s.port) as ws:
            await ws.send(json.dumps({"type": "auth", "token": token}))
            try:
                return json.loads(await ws.recv())["type"]
            except websockets.ConnectionClosed:
                return ws.close_code
    return asyncio.run(asyncio.wait_for(first(), 20))


def nginx_alone(t, s, hub):
    """The secret is another one, and only NGINX has read it."""
    put(s, "jwt_secret", "n-" + "fedcba9876543210" * 4)
    s.nginx.reload()
    becomes(t, s, "ok   nginx secrets: ", "a new JWT_SECRET, NGINX reloaded")
    t.eq(socket_of(s), 4002, "... every socket closes 4002")
    p = says(t, s, "FAIL serve: \"pytake serve\" runs with another JWT_SECRET"
             ".*4002.*restart", "... the sidecar was forgotten")
    t.eq(p.returncode, 1, "... and monitoring is told")
    hub.stop()
    hub.start()
    is_well(t, s, "... it is restarted")
    t.eq(socket_of(s), "auth_success", "... and sockets open")


def sidecar_alone(t, s, hub):
    put(s, "jwt_secret", s.jwt_secret)
    hub.stop()
    hub.start()
    p = says(t, s, "FAIL nginx secrets: NGINX runs with another JWT_SECRET"
             ".*4002.*nginx -s reload",
             "the old JWT_SECRET again, the sidecar restarted")
    t.eq(p.returncode, 1, "... and monitoring is told")
    t.eq(socket_of(s), 4002, "... every socket closes 4002")
    t.ok("FAIL serve" not in p.stdout, "... nothing of the sidecar", p.stdout)
    t.ok(not re.search("(?m)^FAIL nginx database|_TOKEN than", p.stdout),
         "... nothing of what cannot be compared", p.stdout)
    s.nginx.reload()
    is_well(t, s, "... NGINX is reloaded")
    says(t, s, "warn nginx secrets: cannot be compared", "without JWT_SECRET",
         JWT_SECRET_FILE="")


def webhook(t, s, hub):
    for name, variable, harm in (
            ("app_secret", "WHATSAPP_APP_SECRET", "refused with 401"),
            ("verify_token", "WHATSAPP_WEBHOOK_VERIFY_TOKEN",
             "Meta cannot verify")):
        with open(path(s, name)) as f:
            before = f.read().strip()
        put(s, name, "another-%s-0123" % name)
        p = says(t, s, "FAIL nginx secrets: NGINX runs with another %s than "
                 "this one.*%s.*nginx -s reload" % (variable, harm),
                 "a new " + variable)
        t.eq(len(re.findall("(?m)^FAIL nginx", p.stdout)), 1,
             "... and that is all")
        put(s, name, before)
    is_well(t, s, "the old ones again")


def key(t, s, hub):
    put(s, "encryption_key", "76543210fedcba98" * 4)
    says(t, s, "FAIL serve: .* another PYTAKE_ENCRYPTION_KEY.*restart",
         "a new PYTAKE_ENCRYPTION_KEY")
    put(s, "encryption_key", KEY)


def elsewhere(t, s, hub):
    """Addresses are compared by what is there, where that can be known."""
    with open(path(s, "database_url")) as f:
        url = f.read().strip()
    near = re.sub(r"127\.0\.0\.1", "localhost", url)
    t.ok(near != url, "the address can be written otherwise", url)
    says(t, s, "ok   nginx database: ", "the same database by another name",
         DATABASE_URL=near)
    says(t, s, "FAIL nginx database: .*another one", "another database",
         DATABASE_URL=s.pg.url(dbname="postgres", user=stack.WORKER))
    says(t, s, "warn nginx database: .*another address",
         "a database that doctor does not reach",
         DATABASE_URL="postgresql://u@127.0.0.1:1/d")
    says(t, s, "warn nginx redis: .*another address", "another Redis",
         REDIS_URL="redis://127.0.0.1:1/0")
    says(t, s, "warn serve: .* another REDIS_URL", "... the sidecar's, too",
         REDIS_URL="redis://127.0.0.1:1/0")
    s.stop_redis()
    becomes(t, s, "warn nginx redis: [12] of 2 workers have none",
            "Redis is away")
    s.start_redis()
    is_well(t, s, "... and back")


class Fake:
    """Answers what it is told to, once a connection."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d%s" % (self.sock.getsockname()[1],
                                              STATUS)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            with c:
                try:
                    self.asked.append(c.recv(65536))
                    self.answer(c)
                except OSError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def http(body, head="HTTP/1.1 200 OK", more=""):
    if isinstance(body, str):
        body = body.encode()
    text = (head + "\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n"
            % (len(body), more)).encode() + body
    return lambda c: c.sendall(text)


def versions(t, s, hub):
    """A reload keeps the old module."""
    good = status(s).json

    def look(pattern, name, **change):
        with Fake(http(json.dumps({**good, **change}))) as f:
            return says(t, s, pattern, name, PYTAKE_STATUS_URL=f.url)

    look("ok   nginx: ", "an answer like ours")
    look("warn nginx: its module is 0\\.0\\.9 .*a reload keeps the old",
         "an older module", version="0.0.9")
    look("warn nginx: its module is .*schema 3\\)", "... of an older schema",
         schema=3)
    p = look("warn nginx: its module is \\\\u001b\\[31m",
             "what is no text is shown as such", version="\x1b[31m" + "x" * 99)
    t.ok("\x1b" not in p.stdout, "... it does not colour the terminal")
    pools = json.loads(json.dumps(good["pools"]))
    pools["write"]["away"] = 1
    look("FAIL nginx pools: write: 1 workers do not reach", "a pool is away",
         pools=pools)
    prints = dict(good["fingerprints"], app_secret=None)
    look("FAIL nginx secrets: NGINX has no WHATSAPP_APP_SECRET.* set "
         "pytake_webhook_secret", "a secret that NGINX lacks",
         fingerprints=prints)
    look("FAIL nginx secrets: NGINX has no JWT_SECRET",
         "no secret at all", fingerprints={})
    look("FAIL nginx database: NGINX has no answer",
         "a database that NGINX does not reach",
         fingerprints=dict(good["fingerprints"], identity=None))
    look("warn nginx redis: NGINX has none", "no Redis", redis=None)
    look("warn nginx redis: 1 of 2 workers have none", "one without Redis",
         reporting=2, redis={"up": 1}, loaded_s=60)
    look("ok   nginx redis: ", "one that leaves has none any more",
         reporting=3, redis={"up": 2}, loaded_s=60)
    rising = iter((0, 1, 2, 2, 2))
    with Fake(lambda c: http(json.dumps({**good, "loaded_s": 0, "reporting": 2,
                                         "redis": {"up": next(rising)}}))(c)
              ) as f:
        says(t, s, "ok   nginx redis: ", "workers that have just begun",
             PYTAKE_STATUS_URL=f.url)
        t.eq(len(f.asked), 3, "... are asked again")
    look("FAIL nginx hub: NGINX knows none", "no hub", hub=None)
    for what in good:
        if what not in ("pid", "hub", "redis"):
            look("warn nginx: what answers .* is not PyTake",
                 "%s is of another kind" % what, **{what: []})


def hubs(t, s, hub):
    there = s.env["PYTAKE_HUB_SOCKET"]
    os.symlink(os.path.join(s.dir, "h"), os.path.join(s.dir, "h2"))
    says(t, s, "ok   nginx hub: ", "the hub's folder by another name",
         PYTAKE_HUB_SOCKET=os.path.join(s.dir, "h2", "hub.sock"))
    says(t, s, "FAIL nginx hub: NGINX asks %s, not " % re.escape(there),
         "another hub", PYTAKE_HUB_SOCKET=os.path.join(s.dir, "x.sock"))
    t.ok(" nginx hub:" not in run(s, WEBSOCKET_ENABLED="false").stdout,
         "no hub is wanted")
    hub.stop()
    becomes(t, s, "FAIL nginx hub: NGINX has no answer at .*PYTAKE_HUB_GROUP",
            "the hub is away")
    hub.start()
    is_well(t, s, "... and back")


def slow(c):
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
    while c.recv(1):
        pass


def drip(c):
    c.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    c.settimeout(0.05)
    while True:
        c.sendall(b" ")
        try:
            if not c.recv(1):
                return
        except socket.timeout:
            pass


def endless(c):
    c.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        c.sendall(b" " * 65536)


def others(t, s, hub):
    """What is no NGINX of ours is left after two seconds: run() gives up
    after sixty."""
    for name, answer, want in (
            ("another server", http("<html>It works!</html>"),
             "is not PyTake"),
            ("another one's JSON", http('{"status":"ok"}'), "is not PyTake"),
            ("JSON of another shape", http("[" * 1000), "is not PyTake"),
            ("nothing of it there", http("", "HTTP/1.1 404 Not Found"),
             "is answered 404 .*pytake-locations.conf"),
            ("a refusal", http("", "HTTP/1.1 403 Forbidden"),
             "is refused.*loopback"),
            ("another place", http("", "HTTP/1.1 302 Found", "Location: http:"
             "//127.0.0.1:%d%s\r\n" % (s.port, STATUS)), "is answered 302"),
            ("no HTTP", lambda c: c.sendall(b"-ERR unknown command\r\n"),
             "no answer|is not PyTake"),
            ("nothing said", lambda c: None, "no answer"),
            ("a body cut short", lambda c: c.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
             "no answer"),
            ("never answers", lambda c: c.recv(1), "no answer.*Timeout"),
            ("never ends", slow, "no answer.*Timeout"),
            ("a byte at a time", drip, "no answer.*Timeout"),
            ("too much", endless, "no answer.*says too much"),
            ("a little too much", http("{" + " " * 16384 + "}"),
             "no answer.*says too much")):
        with Fake(answer) as f:
            p = says(t, s, "warn nginx: .*(%s)" % want, name,
                     PYTAKE_STATUS_URL=f.url)
            t.eq(len(re.findall("(?m)^(?:ok  |warn|FAIL) nginx", p.stdout)),
                 1, "... a warning and no more")
            t.eq(len(f.asked), 1, "... asked once")


def options(t, s, hub):
    gone = "http://127.0.0.1:1" + STATUS
    says(t, s, "ok   nginx: ", "--nginx comes before the environment",
         "--nginx", s.env["PYTAKE_STATUS_URL"], PYTAKE_STATUS_URL=gone)
    with Fake(http("x")) as f:
        says(t, s, "ok   nginx: ", "a proxy of the environment is not asked",
             http_proxy=f.url, ALL_PROXY=f.url)
        t.ok(not [x for x in f.asked if STATUS.encode() in x], "... at all",
             f.asked)
    p = says(t, s, "ok   nginx: is not looked at", "--nginx off", "--nginx",
             "off")
    t.eq(len(re.findall(" nginx", p.stdout)), 1, "... nothing else")
    says(t, s, "ok   nginx: is not looked at", "off in the environment",
         PYTAKE_STATUS_URL="off")
    p = run(s, "--nginx", "127.0.0.1:8080")
    t.eq((p.returncode, p.stdout), (64, ""), "--nginx of no address")
    t.ok(re.fullmatch("pytake: --nginx [^\n]*\n", p.stderr), "... in one line",
         p.stderr)
    p = run(s, PYTAKE_STATUS_URL="nowhere")
    t.eq(p.returncode, 78, "PYTAKE_STATUS_URL of no address")
    t.ok("PYTAKE_STATUS_URL" in p.stderr, "... is named", p.stderr)
    out = subprocess.run([s.tool("pytake"), "doctor", "--help"], text=True,
                         stdout=subprocess.PIPE).stdout
    t.ok("doctor [--nginx URL]" in out, "--help has it", out)


def away(t, s, hub):
    before = run(s).returncode
    s.nginx.stop()
    p = says(t, s, "warn nginx: no answer at http://127\\.0\\.0\\.1:%d%s .* - "
             "start it, or tell where" % (s.port, STATUS), "NGINX is away")
    t.eq(p.returncode, before, "... which is a warning")
    s.nginx.start()
    is_well(t, s, "... and back")


tap.run(main)
