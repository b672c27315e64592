#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The browser inbox on the real stack, in Debian's Chromium: this program
starts the stack, does for the browser's test what only it can do (stop NGINX,
write rows), and hands its TAP on.  web/e2e/ holds the test itself.

    inbox.py [--shots] [PART ...]     the parts that are named, else all
"""

import base64
import gzip
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import contract
import proxy
import sim as simlib
import stack
import tap

WEB = os.path.join(stack.TOP, "web")
# The hub gives up on who sleeps after this long; a release's own times in the
# long form.
PINGS = {} if tap.LONG else {"WEBSOCKET_PING_INTERVAL": "5s",
                             "WEBSOCKET_PONG_TIMEOUT": "15s"}
PEOPLE = (("ana", "agent", "Ana Prado"), ("bruno", "agent", "Bruno Reis"),
          ("vera", "viewer", "Vera Lopes"), ("otto", "owner", "Otto Neves"),
          ("ada", "admin", "Ada Melo"))
FILL = """
    WITH g AS (SELECT i, date_trunc('milliseconds', now()
                      - make_interval(secs => (%(n)s - i + 1) * 40)) AS at
               FROM generate_series(1, %(n)s) i)
    INSERT INTO messages (tenant_id, id, conversation_id, sender_type,
        sender_id, content, status, created_at, received_at)
    SELECT %(t)s, (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12,
               '0') || '70008' || substr(md5(i || %(c)s), 1, 15))::uuid,
           %(c)s::uuid, CASE WHEN i %% 3 = 0 THEN 'agent' ELSE 'contact' END,
           CASE WHEN i %% 3 = 0 THEN %(u)s::uuid END,
           'line ' || i || repeat(' and so on', (i * 7) %% 23),
           CASE WHEN i %% 3 = 0 THEN 'read' ELSE 'delivered' END, at, at
    FROM g"""


def people(s):
    """Agents, a viewer and an owner, and an agent of another tenant."""
    out = {}
    ten = s.add_tenant("Padaria Aurora", roles=[r for _, r, _ in PEOPLE])
    for (key, _, name), u in zip(PEOPLE, ten.users):
        out[key] = (u, name)
    other = s.add_tenant("Oficina Boreal", roles=("agent",))
    out["fora"] = (other.users[0], "Fora Souza")
    for u, name in out.values():
        s.sql("UPDATE users SET name = %s WHERE id = %s", (name, u.id))
    return ten, other, {k: {"id": u.id, "email": u.email, "name": name,
                            "password": u.password}
                        for k, (u, name) in out.items()}


def claims(bearer):
    part = bearer.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def another_build(dist, to):
    """The same inbox as another release: every file that has a digest in its
    name has another one, and so has the whole."""
    names = set()
    for _, _, files in os.walk(os.path.join(dist, "_next", "static")):
        for name in files:
            names.update(re.findall(r"[0-9a-f]{16}(?=\.(?:js|css)\b)", name))
    with open(os.path.join(dist, "version.txt")) as f:
        names.add(f.read().strip())
    new = re.compile("|".join(sorted(names)).encode())
    for folder, _, files in os.walk(dist):
        for name in files:
            path = os.path.join(folder, name)
            if name.endswith(".gz"):
                continue
            with open(path, "rb") as f:
                data = f.read()
            if name.endswith((".html", ".js", ".css", ".txt")):
                data = new.sub(lambda m: m.group()[::-1], data)
            there = new.sub(lambda m: m.group()[::-1],
                            os.path.relpath(path, dist).encode()).decode()
            there = os.path.join(to, there)
            os.makedirs(os.path.dirname(there), exist_ok=True)
            with open(there, "wb") as f:
                f.write(data)
            if os.path.exists(path + ".gz"):
                with open(there + ".gz", "wb") as f:
                    f.write(gzip.compress(data))


class Hands:
    """What the browser's test asks for by POST /VERB with a JSON object."""

    def __init__(self, s, sim, ten, hub):
        self.s, self.sim, self.ten, self.hub = s, sim, ten, hub
        self.wire = proxy.Proxy(s.port)
        hands = self

        class Door(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers.get("Content-Length") or 0)
                asked = json.loads(self.rfile.read(size) or b"{}")
                try:
                    code, said = 200, getattr(
                        hands, "do_" + self.path.strip("/"))(**asked)
                except Exception as e:  # the test tells it
                    code, said = 500, repr(e)
                body = json.dumps(said).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def do_nginx(self, run):
        if run:
            self.s.nginx.start()
        else:
            self.s.nginx.stop()

    def close(self):
        self.server.shutdown()
        self.wire.close()

    def do_heard(self, method, url, status, headers, body):
        """What a page was answered; body: base64, or null."""
        contract.heard(method, url, status, headers,
                       None if body is None else base64.b64decode(body))

    def do_lifetime(self, life):
        """Of the access tokens from now on."""
        path = os.path.join(self.s.dir, "nginx", "pytake.conf")
        with open(path) as f:
            text = re.sub(r"pytake_jwt_lifetime .*\n", "", f.read())
        with open(path, "w") as f:
            f.write(text.replace("pytake_jwt_secret ",
                                 "pytake_jwt_lifetime %s;\n"
                                 "pytake_jwt_secret " % life, 1))
        self.s.nginx.reload()

    def do_expired(self, bearer):
        """What a token will be once its life has ended."""
        body = claims(bearer)
        body["iat"] -= body["exp"]
        body["exp"] = int(time.time()) - 60
        body["iat"] += body["exp"]
        return stack.jwt(body, None, self.s.jwt_secret)

    def do_revoke(self, bearer):
        self.s.sql("UPDATE sessions SET revoked_at = now() WHERE id = %s",
                   (claims(bearer)["sid"],))

    def do_wire(self, mode):
        """pass, blackhole, reset: of who comes by facts.wire."""
        self.wire.set(mode)

    def do_asleep(self):
        """How many sockets the hub gave up because nobody answered."""
        return self.hub.metric('pytake_hub_closes_total{code="4201"}')

    def do_release(self):
        """Another release is installed; what its pages load."""
        top = os.path.join(self.s.dir, "release")
        os.makedirs(os.path.join(top, "tools"))
        for name in ("web", "lib.sh"):
            shutil.copy(os.path.join(stack.TOP, "tools", name),
                        os.path.join(top, "tools", name))
        dist = os.path.join(top, "web", "dist")
        another_build(os.path.join(WEB, "dist"), dist)
        subprocess.check_call([os.path.join(top, "tools", "web"), "install",
                               self.s.web])
        with open(os.path.join(dist, "version.txt")) as f:
            return f.read().strip()

    def do_fill(self, conversation, count, user):
        """A long history in front of what a conversation holds."""
        self.s.sql(FILL, {"n": count, "t": self.ten.id, "c": conversation,
                          "u": user})

    def do_failed(self, conversation, user, code):
        """A text of this user's that WhatsApp did not deliver."""
        self.s.sql("""
            INSERT INTO messages (tenant_id, id, conversation_id, sender_type,
                sender_id, content, status, error, created_at, received_at)
            SELECT %s, (lpad(to_hex((extract(epoch FROM now()) * 1000)
                       ::bigint), 12, '0') || '70008'
                       || substr(md5(%s), 1, 15))::uuid,
                   %s, 'agent', %s, 'tarde demais', 'failed', %s, now(),
                   now()""",
                   (self.ten.id, conversation, conversation, user,
                    json.dumps({"code": code, "title": None,
                                "detail": None})))

    def do_crowd(self, count):
        return len(self.s.add_conversations(self.ten, count))

    def do_conversation(self, phone):
        return self.s.one(
            "SELECT v.id::text FROM conversations v JOIN contacts c ON "
            "(c.tenant_id, c.id) = (v.tenant_id, v.contact_id) WHERE "
            "c.wa_id = %s ORDER BY v.created_at DESC LIMIT 1", (phone,))

    def do_stored(self, conversation):
        return self.s.one("SELECT count(*) FROM messages WHERE "
                          "conversation_id = %s", (conversation,))

    def do_tags(self, conversation, tags):
        self.s.sql("INSERT INTO conversation_tags (tenant_id, conversation_id,"
                   " tag) SELECT %s, %s, unnest(%s::text[])",
                   (self.ten.id, conversation, tags))


def relay(t, node, script, facts, parts):
    """Runs it; its checks become this program's.  False when it died."""
    p = subprocess.Popen([node, os.path.join(WEB, "e2e", script), facts,
                          *parts], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, cwd=WEB)
    planned = ran = 0
    for line in p.stdout:
        line = line.rstrip("\n")
        word, _, name = line.partition(" - ")
        if line.startswith("1.."):
            planned = int(line[3:])
        elif word.startswith(("ok ", "not ok ")):
            ran += 1
            if "# SKIP" in name:
                t.skip(*name.split(" # SKIP ", 1))
            else:
                t.ok(word.startswith("ok"), name)
        else:
            t.note(line.removeprefix("#   "))
    code = p.wait()
    t.ok(0 < planned == ran and code in (0, 1), "%s ran to its end" % script,
         "%d of %d, status %d" % (ran, planned, code))


def main(t):
    node = subprocess.check_output([os.path.join(stack.TOP, "tools/web"),
                                    "node"], text=True).strip()
    chromium = shutil.which("chromium")
    if chromium is None:
        t.ok(False, "chromium is there", "run ./build.sh deps")
        return
    shots = "--shots" in sys.argv
    parts = [a for a in sys.argv[1:] if not a.startswith("-")]
    if not shots and (not parts or "lighthouse" in parts):
        subprocess.check_call([os.path.join(stack.TOP, "tools/web"),
                               "modules", "e2e"], stdout=sys.stderr)
    with stack.Stack(web=True, tenants=0) as s:
        ten, other, users = people(s)
        sim = simlib.Sim(s)
        hub = s.serve(roles="hub,courier,jobs", name="hub", env=PINGS)
        hands = Hands(s, sim, ten, hub)
        facts = os.path.join(s.dir, "facts.json")
        with open(facts, "w") as f:
            json.dump({"url": "http://127.0.0.1:%d" % s.port, "users": users,
                       "sim": "http://127.0.0.1:%d/sim/api/" % sim.port,
                       "hands": "http://127.0.0.1:%d/"
                                % hands.server.server_port,
                       "wire": "http://127.0.0.1:%d" % hands.wire.port,
                       "number": ten.number, "other": other.number,
                       "chromium": chromium, "long": tap.LONG}, f)
        try:
            relay(t, node, "shots.mjs" if shots else "inbox.mjs", facts,
                  parts)
            t.eq(sim.twice(), {}, "no message was twice on a phone")
            s.check_events(t, ten, "seq is dense")
            s.check_logs(t)
        finally:
            hands.close()
            sim.stop()


tap.run(main)
