#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""Clients that others wrote, each through NGINX: one script of good and bad
frames.  What each of them is, stands in t/clients/; they are driven by lines
of JSON (t/clients/lines.py).  And the REST client of clients/ts: its example,
compiled and run as its reader would."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import contract
import procs
import stack
import tap
import web
from procs import wait_until

NAMES = ("websockets", "wsproto", "tornado", "ws", "wscat", "chromium")
CLIENTS = os.path.join(stack.TOP, "t", "clients")
MODULES = os.path.join(stack.TOP, "build", "t", "clients")
PING_S, PONG_S = 1, 3


def main(t):
    with stack.Stack(tenants=1) as s:
        h = s.serve(name="hub", env={"WEBSOCKET_PING_INTERVAL": "%ds" % PING_S,
                         "WEBSOCKET_PONG_TIMEOUT": "%ds" % PONG_S})
        missing = modules()
        tour(t, s)
        web.parallel(len(NAMES), lambda i: client(t, s, NAMES[i], missing))
        t.eq(h.metric("pytake_hub_connections"), 0, "no socket is left")
        t.ok("Sanitizer" not in h.words() and "runtime error"
             not in h.words(), "no sanitizer report", h.words)
        s.check_logs(t)


def client(t, s, name, missing):
    argv = command(name, os.path.join(s.dir, "client-" + name), missing)
    if isinstance(argv, str):
        t.skip("client " + name, argv)
        return
    a = Program(s, name, argv)
    try:
        script(t, s, a)
    finally:
        a.stop()
    t.head(name)


def tour(t, s):
    """clients/ts/examples/tour.mjs, and whether what it says is so."""
    web_tool = os.path.join(stack.TOP, "tools", "web")
    node = subprocess.check_output([web_tool, "node"], text=True).strip()
    subprocess.check_call([web_tool, "client"], stdout=sys.stderr)
    ten = s.add_tenant("tour", roles=("owner",))
    convs = s.add_conversations(ten, 4)
    for body in ("one", "two", "three", "four"):
        s.say(ten, "15550009", body)
    newest = s.one("SELECT conversation_id::text FROM messages"
                   " WHERE tenant_id = %s LIMIT 1", (ten.id,))
    heard = os.path.join(s.dir, "tour.answers")
    p = subprocess.run(
        [node, "--import", os.path.join(CLIENTS, "heard.mjs"),
         os.path.join(stack.TOP, "clients/ts/examples/tour.mjs"),
         "http://127.0.0.1:%d" % s.port, ten.users[0].email,
         ten.users[0].password], text=True, timeout=60,
        env={**os.environ, "HEARD": heard}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if not t.eq(p.returncode, 0, "tour: the example ends well"):
        t.note(p.stdout)
        return
    with open(heard) as f:
        contract.received(f)
    said = {}
    for line in p.stdout.splitlines():
        word, *rest = line.split()
        said.setdefault(word, []).append(rest)
    toured(t, s, ten, [newest] + convs[:2], said)


def toured(t, s, ten, newest, said):
    """What the example printed, against what the database has."""
    t.eq([c[0] for c in said["conversation"]], newest,
         "tour: lists the newest conversations")
    rows = [r[0] for r in s.sql(
        "SELECT id::text FROM messages WHERE conversation_id = %s"
        " ORDER BY id DESC", (newest[0],))]
    t.eq(said["sent"], [[rows[0], rows[0], "true"]],
         "tour: a message sent twice with one key is one message")
    t.eq(said["page"], [rows[0:2], rows[2:4], rows[4:]],
         "tour: follows the cursor to the end")
    tag, color, before, after = said["tag"][0]
    t.eq(s.sql("SELECT id::text, color FROM tags WHERE tenant_id = %s",
               (ten.id,)), [(tag, "purple")],
         "tour: the change with the right ETag is made, the stale one not")
    t.ok(before != after, "tour: a change makes another ETag")
    t.eq(said["refused"][0][:2], ["412", "precondition_failed"],
         "tour: a stale ETag is a typed 412")
    with open(s.nginx.access_log, errors="replace") as f:
        t.ok(said["refused"][0][2] in f.read(),
             "tour: its request id is the access log's")


def command(name, folder, missing):
    """How to start that client, or why it is not there."""
    py = ["/usr/bin/python3", os.path.join(CLIENTS, name + "_client.py")]
    if name in ("websockets", "wsproto", "tornado"):
        p = subprocess.run([py[0], "-c", "import " + name],
                           stderr=subprocess.DEVNULL)
        return py if p.returncode == 0 else "no python3-" + name
    if name == "chromium":
        path = shutil.which("chromium")
        return py + [path, folder] if path else "no chromium"
    if missing:
        return missing
    if name == "ws":
        return ["node", os.path.join(CLIENTS, "ws_client.js")]
    return py + [os.path.join(MODULES, "node_modules/wscat/bin/wscat")]


def modules():
    """npm's packages, as locked, into the build folder; "" or what is
    missing."""
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            return "no " + tool
    lock = os.path.join(CLIENTS, "package-lock.json")
    done = os.path.join(MODULES, "done.json")
    with open(lock, "rb") as f:
        want = f.read()
    if os.path.exists(done):
        with open(done, "rb") as f:
            if f.read() == want:
                return ""
    os.makedirs(MODULES, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(CLIENTS, name), MODULES)
    try:
        p = subprocess.run(["npm", "ci", "--no-audit", "--no-fund",
                            "--ignore-scripts", "--fetch-retries=0",
                            "--cache=" + os.path.join(MODULES, "cache")],
                           cwd=MODULES, timeout=120, text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        return "npm ci did not end"
    if p.returncode != 0:
        why = [x for x in p.stdout.splitlines() if "error" in x]
        return "npm ci: " + (why or ["no reason given"])[0]
    shutil.copy(lock, done)
    return ""


class Program:
    """The client program, and the sockets it holds for us."""

    def __init__(self, s, name, argv):
        self.s, self.name = s, name
        self.url = ("ws://127.0.0.1:%d/api/v1/conversations/ws" % s.port)
        self.conns, self.lock = {}, threading.Lock()
        self.log = open(os.path.join(s.dir, "client-%s.log" % name), "wb")
        self.proc = subprocess.Popen(
            argv, text=True, bufsize=1, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log, encoding="utf-8",
            env=dict(os.environ, NODE_PATH=MODULES + "/node_modules"))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.proc.stdout:
            m = json.loads(line)
            self.conns[m["id"]].take(m["ev"], m.get("data"))

    def send(self, m):
        with self.lock:
            self.proc.stdin.write(json.dumps(m) + "\n")
            self.proc.stdin.flush()

    def open(self):
        c = Socket(self, len(self.conns) + 1)
        self.conns[c.id] = c
        c.do("open", self.url)
        c.until(lambda: c.is_open or c.failed, "open", 30)
        if not c.is_open:
            raise RuntimeError("%s: %s" % (self.name, c.failed))
        return c

    def login(self, user, since=None):
        c = self.open()
        m = {"type": "auth", "token": self.s.token(user)}
        if since is not None:
            m["since"] = since
        c.say(m)
        c.until(lambda: c.last("auth_success"), "auth_success")
        return c

    def stop(self):
        own = procs.children(self.proc.pid)
        try:
            self.proc.stdin.close()
        except OSError:
            pass
        for pid in own:
            procs.send(pid, signal.SIGTERM)
        procs.end(self.proc)
        wait_until(lambda: not any(map(procs.is_alive, own)), 20,
                   "the end of " + self.name)
        self.log.close()


class Socket:
    """What one socket was told."""

    def __init__(self, program, cid):
        self.program, self.id = program, cid
        self.texts, self.pongs, self.failed = [], [], []
        self.is_open, self.pings, self.code = False, 0, None
        self.cannot = None

    def take(self, ev, data):
        if ev == "open":
            self.is_open = True
        elif ev == "text":
            self.texts.append(data)
        elif ev == "ping":
            self.pings += 1
        elif ev == "pong":
            self.pongs.append(data)
        elif ev == "close":
            self.code = data
        elif ev == "cannot":
            self.cannot = data
        else:
            self.failed.append(data)

    def do(self, op, data=None):
        self.program.send({"id": self.id, "op": op, "data": data})

    def say(self, m):
        self.do("text", m if isinstance(m, str) else json.dumps(m))

    def objects(self):
        return [json.loads(x) for x in list(self.texts)]

    def last(self, kind):
        return next((m for m in reversed(self.objects())
                     if (m.get("type") or m.get("event")) == kind), None)

    def logged(self):
        """The frames of the log, as they came."""
        return [x for x in list(self.texts) if "seq" in json.loads(x)]

    def until(self, cond, what, timeout=10):
        try:
            return wait_until(cond, timeout)
        except TimeoutError:
            raise TimeoutError("%s: no %s: %s, code %s, %s" % (
                self.program.name, what, self.texts[-5:], self.code,
                self.failed))

    def closed(self):
        self.until(lambda: self.code is not None, "close", 20)
        return self.code


def script(t, s, a):
    ten = s.add_tenant(a.name)
    s.add_user(ten)
    c = a.login(ten.users[1])
    born = time.monotonic()
    d = a.login(ten.users[2])
    good(t, s, a, ten, c, d)
    replay(t, s, a, ten, c, d)
    bad(t, a, ten)
    left = PONG_S + 1 - (time.monotonic() - born)
    if left > 0:
        time.sleep(left)  # the server's patience is over by then
    d.say({"type": "ping"})
    d.until(lambda: d.last("pong"), "pong")
    t.ok(d.code is None, "%s: answers the server's pings" % a.name)
    d.do("close", 1000)
    t.eq(d.closed(), 1000, "%s: clean end: 1000" % a.name)


def frames(s, ten):
    return [r[0] for r in s.sql(
        "SELECT frame FROM event_log WHERE tenant_id = %s ORDER BY seq",
        (ten.id,))]


def good(t, s, a, ten, c, d):
    for text in ("hello", "ol\u00e1, \u4e16\u754c \U0001f600 \u2028 \"\\/",
                 "x" * 4000):
        s.say(ten, "15550007", text)
    c.until(lambda: len(c.logged()) >= 3, "3 events")
    t.ok(c.logged() == frames(s, ten),
         "%s: live events, byte for byte" % a.name)
    c.say({"type": "ping"})
    c.until(lambda: c.last("pong"), "pong")
    t.eq(c.last("pong")["data"]["seq"], 3, "%s: ping, pong" % a.name)
    c.do("ping", "echo-me")
    c.until(lambda: c.pongs or c.cannot, "protocol pong")
    if c.cannot:
        t.skip("%s: a protocol ping" % a.name, "it cannot send one")
    else:
        t.eq(c.pongs, ["echo-me"], "%s: its ping is answered" % a.name)
    conv = json.loads(c.logged()[0])["conversation_id"]
    c.say({"event": "typing_start", "conversation_id": conv})
    d.until(lambda: d.last("typing_start"), "typing_start")
    t.eq(d.last("typing_start")["data"]["user_id"], ten.users[1].id,
         "%s: another agent sees the typing" % a.name)
    d.until(lambda: d.last("typing_stop"), "typing_stop")
    t.ok(not c.last("typing_start") and not c.last("typing_stop"),
         "%s: who types does not" % a.name)


def replay(t, s, a, ten, c, d):
    last = json.loads(c.logged()[-1])
    c.do("close", 1000)
    t.eq(c.closed(), 1000, "%s: close 1000 is answered" % a.name)
    for i in range(5):
        s.say(ten, "15550008", "missed %d" % i)
    d.until(lambda: len(d.logged()) >= 8, "8 events")
    c = a.login(ten.users[1], {"seq": last["seq"], "id": last["id"]})
    c.until(lambda: c.last("sync"), "sync")
    t.ok(c.logged() == d.logged()[3:] and len(c.logged()) == 5,
         "%s: since: what was missed, byte for byte what others had live"
         % a.name)
    t.ok(c.last("auth_success")["data"]["resumed"], "%s: resumed" % a.name)
    c.do("close", 4321)
    t.eq(c.closed(), 4321, "%s: a close code of its own" % a.name)


def bad(t, a, ten):
    user = ten.users[1]
    for what, first, want in (
            ("a bad token", ['{"type":"auth","token":"x.y.z"}'], 4002),
            ("something else first", ['{"type":"watch"}'], 4002),
            ("no JSON, thrice", ["{", "[1,2", "hello"], 4001)):
        c = a.open()
        for text in first:
            c.say(text)
        t.eq(c.closed(), want, "%s: %s: %d" % (a.name, what, want))
    for what, op, data, want in (
            ("an unknown type", "text", '{"type":"what"}', 4000),
            ("binary", "binary", "00ff00ff", 1003),
            ("16 KB and one byte", "text", "x" * (16 * 1024 + 1), 1009),
            ("no UTF-8", "broken", "7bc328c0af7d", 1007)):
        c = a.login(user)
        c.do(op, data)
        c.until(lambda: c.code is not None or c.cannot, "close", 20)
        if c.cannot:
            t.skip("%s: %s" % (a.name, what), "it cannot send that")
            c.do("close", 1000)
            c.closed()
        else:
            t.eq(c.code, want, "%s: %s: %d" % (a.name, what, want))


if __name__ == "__main__":
    tap.run(main)
