#!/usr/bin/python3
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
"""The browser inbox on the real stack, in Debian's Chromium: this program
starts the stack, does for the browser's test what only it can do (stop NGINX,
write rows), and hands its TAP on.  web/e2e/ holds the test itself.

    inbox.py [--shots] [PART ...]     the parts that are named, else all
"""

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))

import sim as simlib
import stack
import tap

WEB = os.path.join(stack.TOP, "web")
PEOPLE = (("ana", "agent", "Ana Prado"), ("bruno", "agent", "Bruno Reis"),
          ("vera", "viewer", "Vera Lopes"), ("otto", "owner", "Otto Neves"))
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


class Hands:
    """What the browser's test asks for by POST /VERB with a JSON object."""

    def __init__(self, s, sim, ten):
        self.s, self.sim, self.ten = s, sim, ten
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

    def do_fill(self, conversation, count, user):
        """A long history in front of what a conversation holds."""
        self.s.sql(FILL, {"n": count, "t": self.ten.id, "c": conversation,
                          "u": user})

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
    with stack.Stack(web=True, tenants=0) as s:
        ten, other, users = people(s)
        sim = simlib.Sim(s)
        s.serve(roles="hub,courier,jobs", name="hub")
        hands = Hands(s, sim, ten)
        facts = os.path.join(s.dir, "facts.json")
        with open(facts, "w") as f:
            json.dump({"url": "http://127.0.0.1:%d" % s.port, "users": users,
                       "sim": "http://127.0.0.1:%d/sim/api/" % sim.port,
                       "hands": "http://127.0.0.1:%d/"
                                % hands.server.server_port,
                       "number": ten.number, "other": other.number,
                       "chromium": chromium, "long": tap.LONG}, f)
        try:
            relay(t, node, "shots.mjs" if shots else "inbox.mjs", facts,
                  [a for a in sys.argv[1:] if not a.startswith("-")])
            t.eq(sim.twice(), {}, "no message was twice on a phone")
            s.check_events(t, ten, "seq is dense")
            s.check_logs(t)
        finally:
            hands.server.shutdown()
            sim.stop()


tap.run(main)
